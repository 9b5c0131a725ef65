"""What to make of a study: a recommendation, a diagnosis, and one page that tells of it all."""

from __future__ import annotations

from skipjack.report.diagnose import diagnose
from skipjack.report.findings import Diagnosis, Finding
from skipjack.report.page import html, report
from skipjack.report.recommend import Recommendation, recommend

__all__ = ["Diagnosis", "Finding", "Recommendation", "diagnose", "html", "recommend", "report"]
