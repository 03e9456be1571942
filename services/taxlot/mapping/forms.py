"""The forms a foreign file may have: delimited, of fixed widths, XML.  Source: product 2, "A mapping"."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.taxlot.mapping.strict import Column, Strict, check_group, check_pattern


class Delimited(Strict):
    """Values parted by a character, with a line of headings, or with columns by number."""

    type: Literal["delimited"]
    delimiter: str = Field(min_length=1, max_length=1)
    quote: Literal["", '"'] = '"'
    headings: bool = Field(
        True, description="The first line that names all columns begins the body; lines above it are titles."
    )
    columns: dict[Column, int] | None = Field(None, description="Without headings: the number of each column, from 1.")
    width: int | None = Field(None, ge=1, description="Without headings: how many values a row has.")
    short_width: int | None = Field(
        None,
        ge=1,
        description="Without headings and quotes: rows may have only so many values; the others are empty then.",
    )
    sections: dict[Column, str] = Field(
        default_factory=dict,
        description="Columns that stand in a line above their rows, such as an account number: a pattern by column, its"
        " group `value` is the column's text until the next such line.",
    )
    ignored_lines: list[str] = Field(
        default_factory=list,
        description="Patterns of whole lines that are no rows and say nothing, such as disclaimers at the end.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Delimited":
        if self.headings == (self.columns is not None) or (self.columns is None) != (self.width is None):
            raise ValueError("say headings: true, or headings: false with columns and width")
        if any(number < 1 or number > (self.width or 0) for number in (self.columns or {}).values()):
            raise ValueError("a column's number lies between 1 and width")
        if self.short_width is not None and (self.quote or self.short_width >= (self.width or 0)):
            raise ValueError("short_width is less than width, and is for values without quotes")
        for pattern in self.sections.values():
            check_group(pattern)
        for pattern in self.ignored_lines:
            check_pattern(pattern)
        return self


class FixedWidth(Strict):
    """Lines of one width; columns by the numbers of their first and last byte, from 1.  They may overlap."""

    type: Literal["fixed"]
    width: int = Field(ge=1, le=10_000)
    columns: dict[Column, Annotated[list[int], Field(min_length=2, max_length=2)]]

    @model_validator(mode="after")
    def _inside(self) -> "FixedWidth":
        for name, (first, last) in self.columns.items():
            if not 1 <= first <= last <= self.width:
                raise ValueError(f"{name}: [{first}, {last}] does not lie between 1 and {self.width}")
        return self


class Xml(Strict):
    """Elements as rows; records do not stand inside one another.

    A column is a path: `@attribute` of the record, `child` or `child/grandchild` (its text), or `Element@attribute` of
    an element around the record.  The column `element` has the name of the record's element.
    """

    type: Literal["xml"]
    root: str = Field(min_length=1, description="Name of the outermost element.")
    records: list[str] = Field(min_length=1, description="Names of the elements that are rows.")
    columns: dict[Column, str]
