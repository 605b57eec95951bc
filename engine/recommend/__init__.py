"""What to practise next (智能推送试题): questions of the bank for every pupil, and for classes and their groups.

    ability     how far each pupil lies above the average on each knowledge point: expected success
    needs       what he needs most; prerequisites first; what is due for review
    questions   the candidates: taught, in the bank, by family
    choosing    need × target zone × information, diverse, not seen before, exposure controlled (`engine._recommend`)
    reasons     why, in words and numbers
    case        what all lists of a subject rest on
    pupils      the lists of the pupils
    sets        those of whole classes and teaching groups

A question is a candidate only when all its knowledge points have been taught (`Curriculum.taught_by`): nothing untaught
is pushed.
"""

from engine.recommend.case import Case
from engine.recommend.pupils import recommend
from engine.recommend.sets import practice_sets

__all__ = ["Case", "practice_sets", "recommend"]
