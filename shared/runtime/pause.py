"""Waiting between two attempts, in a loop that ends when its task is cancelled."""

import asyncio


async def pause(seconds: float) -> None:
    """Sleep; raise CancelledError at once if this task was told to end earlier.

    A statement that is interrupted may leave its connection unusable.  What then fails is an ordinary error, of the
    rollback, and it takes the place of the cancellation.  A loop that met it as an error to try again after would go
    on for ever, and the process would have to be killed.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)  # noqa: TID251  # it is what the others wait by
