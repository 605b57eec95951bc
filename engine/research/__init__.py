"""The research pack (教研) of a subject: what teachers of all its schools should talk about.

Topics for training: `engine.research.topics`; wrong answers: `engine.research.distractors`; items that turned out other
than expected: `engine.research.items`.
"""

from engine.research.distractors import research_options
from engine.research.items import research_items
from engine.research.topics import research_topics

__all__ = ["research_items", "research_options", "research_topics"]
