"""Error rates on a protocol whose keys are known: of the whole line, of a network, of any system's score file.

    protocol ──> scan_protocol | read_scores + join_scores ──> ScoredTrial ──> assess ──> Report ──> tables, JSON, page

`evaluate_protocol` is the short way for the shipped detectors, and what their cards are filled from.
"""

from assay.evaluate.assessment import Assessment, Point, System, assess
from assay.evaluate.comparison import Comparison, compare
from assay.evaluate.protocol import ProtocolEvaluation, evaluate_protocol
from assay.evaluate.report import Report
from assay.evaluate.robustness import ConditionFigures, condition_figures, scanned_conditions
from assay.evaluate.scanning import ScannedProtocol, scan_protocol
from assay.evaluate.scores import ScoreFile, join_scores, read_scores
from assay.evaluate.trials import ScoredTrial
from assay.evaluate.verifier import read_verifier

__all__ = [
    "Assessment",
    "Comparison",
    "ConditionFigures",
    "Point",
    "ProtocolEvaluation",
    "Report",
    "ScannedProtocol",
    "ScoreFile",
    "ScoredTrial",
    "System",
    "assess",
    "compare",
    "condition_figures",
    "evaluate_protocol",
    "join_scores",
    "read_scores",
    "read_verifier",
    "scan_protocol",
    "scanned_conditions",
]
