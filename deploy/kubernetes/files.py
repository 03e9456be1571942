"""Which manifests are made from tables, and writing them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes import manifests, network, scaling, stores
from deploy.kubernetes.workloads import Manifest

HOME: Final = Path(__file__).parent
_HEAD: Final = "# Written by `python -m deploy.kubernetes` from the tables beside it: change those.\n"


def generated() -> Mapping[str, str]:
    """Return every made file by its path below this folder."""
    settings = scaling.settings_of(HOME / "foundation" / "settings.yaml")
    return {
        "foundation/policies.yaml": _text(network.policies()),
        "base/workloads.yaml": _text(manifests.workloads()),
        "prepare/job.yaml": _text(manifests.prepare()),
        "components/keda/scalers.yaml": _text(scaling.scalers(settings)),
        "components/keda/kustomization.yaml": _text(
            [_component(resources=["access.yaml", "scalers.yaml"], patches=scaling.without_replicas())]
        ),
        "components/shared-kernels/kustomization.yaml": _text(
            [_component(resources=["claim.yaml"], patches=manifests.shared_kernels())]
        ),
        "components/prometheus/monitor.yaml": _text(scaling.monitors()),
        "components/prometheus/rules.yaml": _text(scaling.rules()),
        "overlays/strimzi/topics.yaml": _text(stores.topics(settings)),
        "overlays/strimzi/users.yaml": _text([*stores.users(), scaling.kafka_user(settings)]),
    }


def write() -> list[str]:
    """Write what differs and return its paths."""
    changed = []
    for name, text in generated().items():
        path = HOME / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed.append(name)
    return changed


def _component(**content: Any) -> Manifest:
    return {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", **content}


class _Plain(yaml.SafeDumper):
    """Writes every object in full: two that are equal are no anchor and alias, which people misread."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Say that nothing is written as an alias."""
        return True


def _text(found: Sequence[Manifest]) -> str:
    made = yaml.dump_all(found, Dumper=_Plain, sort_keys=False, width=120, explicit_start=len(found) > 1)
    return _HEAD + made
