"""The built user interface: its files, and its start page for every address of its own."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from services.gateway.dependencies import dependencies_of
from services.gateway.routes.pages import page
from shared.contracts.problems import NotFound
from shared.http import routing

_START = "index.html"
_HASHED = "assets/"  # names there change with their content


class _PagePath(Convertor[str]):
    """Every path except those of the API, sign-in and operations, so that these keep their own 404 and 405."""

    regex = r"(?!(?:api|auth|ops|v1|metrics|healthz|readyz)(?:/|$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def router() -> APIRouter:
    """Return the routes of the user interface; they come last."""
    register_url_convertor("page", _PagePath())
    routes = routing.open_router()
    routes.add_api_route("/{path:page}", _serve, methods=["GET", "HEAD"], response_class=HTMLResponse)
    return routes


async def _serve(request: Request) -> Response:
    """Return the file of that name, else the start page, whose script reads the address.

    Raises NotFound for a missing asset.
    """
    directory = dependencies_of(request).settings.ui_dir
    if not (directory / _START).is_file():
        return page(
            503,
            "The user interface is not built",
            "Run `make up`, or `npm ci` and `npm run build` in ui/, then load this page again.",
        )
    path = request.path_params["path"]
    files = StaticFiles(directory=directory)
    try:
        if not path or any(segment.startswith(".") for segment in path.split("/")):
            raise HTTPException(404)
        response = await files.get_response(path, request.scope)
    except HTTPException as error:
        if error.status_code != 404:
            raise
        if path.startswith(_HASHED):
            raise NotFound(f"There is no /{path}. Load the page again.") from error
        response = await files.get_response(_START, request.scope)
    is_hashed = path.startswith(_HASHED)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
    return response
