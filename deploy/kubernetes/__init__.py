"""The system on Kubernetes: manifests for Kustomize, most of them written from tables.

`workloads` is the table of what runs, `network` that of who talks to whom; `manifests`, `stores` and `scaling` make
objects of them, and `python -m deploy.kubernetes` writes those into the folders beside this file.  A test compares.
How it is deployed, and what was and was not run: docs/kubernetes.md.
"""
