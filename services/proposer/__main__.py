"""`python -m services.proposer [dlq ...]`: the worker that proposes trades, and its dead letters."""

import sys

from pydantic import ValidationError

from services.proposer.settings import Settings


def main() -> int:
    """Warm the engine up, then work until told to stop; or do what `dlq` says."""
    if sys.argv[1:2] == ["dlq"]:
        from shared.oncall import dlq

        return dlq.main("proposer", sys.argv[2:])
    try:
        settings = Settings.model_validate({})
    except ValidationError as error:
        for problem in error.errors():
            print(f"REBALANCER_{str(problem['loc'][0]).upper()}: {problem['msg']}", file=sys.stderr)
        return 2
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.proposer import warm  # the worker's libraries are loaded only where they are used

    kernels.load(warm.kernels, "proposer", settings)
    from services.proposer import app
    from shared.kafka import faust_worker

    faust_worker.run_worker(app.build_app, settings, "proposer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
