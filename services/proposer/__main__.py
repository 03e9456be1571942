"""`python -m services.proposer`: the worker that proposes trades."""

import sys

from pydantic import ValidationError

from services.proposer.settings import ProposerSettings


def main() -> int:
    """Warm the engine up, then work until told to stop."""
    try:
        settings = ProposerSettings.model_validate({})
    except ValidationError as error:
        for problem in error.errors():
            print(f"REBALANCER_{str(problem['loc'][0]).upper()}: {problem['msg']}", file=sys.stderr)
        return 2
    from services.proposer import app, chunk  # the worker's libraries are loaded only where they are used
    from shared import runner, worker

    runner.leave_out_pandas()
    chunk.warm_up()
    worker.run_worker(app.build_app, settings, "proposer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
