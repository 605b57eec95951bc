"""Knowledge tracing: a pupil's profile from all his answers, and the chance that he answers the next item rightly."""

from engine.tracing.log import AnswerLog
from engine.tracing.tracer import KnowledgeTracer, Mastery

__all__ = ["AnswerLog", "KnowledgeTracer", "Mastery"]
