"""Verify a certificate from files alone, as an auditor does: no party is asked.

Usage: ``python verify_an_outcome.py CERTIFICATE_FILE CLUSTER_FILE``, the cluster file being one that you trust.
"""

import sys
from pathlib import Path

from aukciszek.client import AukciszekError, Certificate, Cluster, VerificationReport, verify_certificate


def verify(certificate_file: Path, cluster_file: Path) -> VerificationReport:
    """Check who signed the outcome, and that it is one of this cluster."""
    certificate = Certificate.decode(certificate_file.read_bytes())
    return verify_certificate(certificate, cluster=Cluster.read(cluster_file))


def main() -> None:
    """Run this example from the command line."""
    certificate_file, cluster_file = map(Path, sys.argv[1:])
    try:
        report = verify(certificate_file, cluster_file)
    except AukciszekError as error:
        sys.exit(f"{error.code}: {error.message}")
    for check in report.checks:
        print(f"{check.verdict}: {check.name}: {check.text}")
    sys.exit(0 if report.valid else 1)


if __name__ == "__main__":
    main()
