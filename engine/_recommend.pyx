# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The kernel of recommendation: for every pupil the best list of questions, without a pupils × questions matrix.

Questions lie in groups that touch the same points. What a question is worth to a pupil is the need of its neediest
point times what it is worth at his ability on its points; for each group and each cell of ability the questions come
sorted by the latter, so the best of a group is the first in such a row that the pupil may still have. Needs only fall
and rows only get shorter while a list grows: a group is looked at again only when it comes to the top (lazy greedy,
Minoux 1978).

Pupils of one unit choose one after the other, as they share the quotas; units are independent of each other, so the
result does not depend on the number of threads.
"""

from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memset

cdef enum:
    BLOCK = 16  # groups whose greatest key is kept


cdef struct Bank:
    Py_ssize_t questions, groups, points, families, cells
    const int64_t* first  # group → its first question
    const int64_t* touched  # group → its first entry in `point`
    const int32_t* point
    const int32_t* family
    const double* location
    const int32_t* row  # (cells, questions): each group's questions, those worth most first
    const float* worth  # (cells, questions): what these are worth
    const int32_t* best  # (cells, groups): the first of each row, and its worth, once more: close together in memory
    const float* most
    double low, per_logit  # ability at the lower end of the first cell, cells a logit


cdef struct Rule:
    Py_ssize_t length, per_point, reviews, edges
    double decay, blocked
    const int32_t* above  # edges of the curriculum, dependents before what they rest on: the point that builds …
    const int32_t* below  # … on this one
    const uint8_t* rests  # (points, points) does the second rest on the first, directly or not?


cdef struct Room:
    double* need  # of each point, now
    double* lifted  # of each point: its need, if what builds on it and is blocked counts too
    int32_t* count  # questions chosen that touch it
    double* key  # of each group: no question in it is worth more
    double* best  # of each block of groups: its greatest key
    int32_t* cell  # of each group: the pupil's ability
    int32_t* place  # of each group: how many of its row he can't have
    int32_t* gone  # of each question: the pupil who can't have it
    int32_t* taken  # of each family: the pupil who has one of it
    int32_t* left  # of each question: how many more pupils of the unit may have it


cdef inline double _need(const Room* r, const Bank* b, const Rule* rule, Py_ssize_t group) noexcept nogil:
    """Of the group's neediest point; -1 when one of its points has had enough questions."""
    cdef double most = -1
    cdef int64_t i
    for i in range(b.touched[group], b.touched[group + 1]):
        if r.count[b.point[i]] >= rule.per_point:
            return -1
        if r.need[b.point[i]] > most:
            most = r.need[b.point[i]]
    return most


cdef inline double _key(const Room* r, const Bank* b, const Rule* rule, Py_ssize_t group) noexcept nogil:
    """What the next question in the group's row is worth; -1 when there is none or one of its points has enough."""
    cdef int64_t question = b.first[group] + r.place[group]
    cdef double need = _need(r, b, rule, group)
    if need <= 0 or question == b.first[group + 1]:
        return -1
    if r.place[group] == 0:
        return need * b.most[r.cell[group] * b.groups + group]
    return need * b.worth[r.cell[group] * b.questions + question]


cdef inline double _ability(const Bank* b, const float* shift, Py_ssize_t group) noexcept nogil:
    cdef double total = 0
    cdef int64_t i, first = b.touched[group], end = b.touched[group + 1]
    for i in range(first, end):
        total += shift[b.point[i]]
    return total if end - first == 1 else total / (end - first)


cdef inline int32_t _cell(const Bank* b, double ability) noexcept nogil:
    cdef double place = (ability - b.low) * b.per_logit
    return 0 if place < 0 else <int32_t>(b.cells - 1) if place >= b.cells else <int32_t>place


cdef inline void _keep(Room* r, Py_ssize_t groups, Py_ssize_t group, double key) noexcept nogil:
    """Note a key, and the greatest of its block."""
    cdef Py_ssize_t block = group // BLOCK, g
    cdef double most = -1
    r.key[group] = key
    for g in range(block * BLOCK, min((block + 1) * BLOCK, groups)):
        most = r.key[g] if r.key[g] > most else most
    r.best[block] = most


cdef inline Py_ssize_t _top(const Room* r, Py_ssize_t groups) noexcept nogil:
    """The first group with the greatest key."""
    cdef Py_ssize_t block, found = 0, group
    for block in range(1, (groups + BLOCK - 1) // BLOCK):
        if r.best[block] > r.best[found]:
            found = block
    group = found * BLOCK
    while r.key[group] < r.best[found]:
        group += 1
    return group


cdef inline int32_t _neediest(const Room* r, const Bank* b, Py_ssize_t group) noexcept nogil:
    cdef int32_t point = b.point[b.touched[group]]
    cdef int64_t i
    for i in range(b.touched[group] + 1, b.touched[group + 1]):
        if r.need[b.point[i]] > r.need[point]:
            point = b.point[i]
    return point


cdef void _ready(Room* r, const Bank* b, const Rule* rule, const float* need, const uint8_t* unready) noexcept nogil:
    """Needs to start with: what a needy point rests on and is not ready is as needy, and goes first."""
    cdef Py_ssize_t k, e
    cdef int32_t above, below
    for k in range(b.points):
        r.lifted[k] = need[k]
        r.count[k] = 0
    for e in range(rule.edges):
        above, below = rule.above[e], rule.below[e]
        if unready[below] and r.lifted[above] > r.lifted[below]:
            r.lifted[below] = r.lifted[above]
    for k in range(b.points):
        r.need[k] = r.lifted[k]
    for e in range(rule.edges):
        if unready[rule.below[e]]:
            r.need[rule.above[e]] = r.lifted[rule.above[e]] * rule.blocked


cdef void _start(Room* r, const Bank* b, const float* shift) noexcept nogil:
    """The pupil's ability on each group, no question passed over."""
    cdef Py_ssize_t group
    for group in range(b.groups):
        r.cell[group] = _cell(b, _ability(b, shift, group))
        r.place[group] = 0


cdef inline bint _all(const Bank* b, Py_ssize_t group, const uint8_t* flag) noexcept nogil:
    """Does it hold for all points of the group?"""
    cdef int64_t i
    for i in range(b.touched[group], b.touched[group + 1]):
        if not flag[b.point[i]]:
            return False
    return True


cdef void _rank(Room* r, const Bank* b, const Rule* rule, const uint8_t* only) noexcept nogil:
    """Keys as if the pupil could have every question; with `only`, of groups all of whose points are so flagged."""
    cdef Py_ssize_t group, block
    cdef double most
    for block in range((b.groups + BLOCK - 1) // BLOCK):
        most = -1
        for group in range(block * BLOCK, min((block + 1) * BLOCK, b.groups)):
            r.key[group] = _key(r, b, rule, group) if only == NULL or _all(b, group, only) else -1
            most = r.key[group] if r.key[group] > most else most
        r.best[block] = most


cdef inline int32_t _look(Room* r, const Bank* b, int32_t pupil, Py_ssize_t group) noexcept nogil:
    """The first question in the group's row that the pupil may have; -1 when there is none."""
    cdef const int32_t* row = b.row + r.cell[group] * b.questions + b.first[group]
    cdef int64_t end = b.first[group + 1] - b.first[group]
    cdef int32_t place = r.place[group], question = -1
    while place < end:
        question = row[place] if place else b.best[r.cell[group] * b.groups + group]
        if r.gone[question] != pupil and r.taken[b.family[question]] != pupil and r.left[question] > 0:
            break
        place += 1
    r.place[group] = place
    return question if place < end else -1


cdef Py_ssize_t _fill(Room* r, const Bank* b, const Rule* rule, const float* shift, int32_t pupil, Py_ssize_t chosen,
                      Py_ssize_t length, int32_t* question, int32_t* point, double* logit) noexcept nogil:
    """Add to a list, by the keys, until it has this length; the length it has in the end."""
    cdef Py_ssize_t group
    cdef int32_t found
    cdef int64_t i
    cdef double key
    while chosen < length:
        group = _top(r, b.groups)
        if r.key[group] <= 0:
            break
        found = _look(r, b, pupil, group)
        key = _key(r, b, rule, group)
        if key != r.key[group]:
            _keep(r, b.groups, group, key)
            continue
        question[chosen] = found
        point[chosen] = _neediest(r, b, group)
        logit[chosen] = b.location[found] + _ability(b, shift, group)
        chosen += 1
        r.taken[b.family[found]] = pupil
        r.left[found] -= 1
        for i in range(b.touched[group], b.touched[group + 1]):
            r.count[b.point[i]] += 1
            r.need[b.point[i]] *= rule.decay
    return chosen


cdef void _prerequisites_first(const Bank* b, const Rule* rule, const uint8_t* unready, Py_ssize_t chosen,
                               int32_t* question, int32_t* point, double* logit) noexcept nogil:
    """Move what is on a point that is not ready before what is on points that rest on it; else keep the order."""
    cdef Py_ssize_t place, later, found, i
    cdef int32_t one_question, one_point
    cdef double one_logit
    cdef bint waits
    for place in range(chosen - 1):
        found = place
        while True:
            waits = False
            for later in range(found + 1, chosen):
                if unready[point[later]] and rule.rests[point[later] * b.points + point[found]]:
                    waits = True
                    break
            if not waits:
                break
            found += 1
        one_question, one_point, one_logit = question[found], point[found], logit[found]
        for i in range(found, place, -1):
            question[i], point[i], logit[i] = question[i - 1], point[i - 1], logit[i - 1]
        question[place], point[place], logit[place] = one_question, one_point, one_logit


def choose(
    bank, rule,
    const float[:, ::1] need, const float[:, ::1] shift, const uint8_t[:, ::1] unready, const uint8_t[:, ::1] due,
    const int64_t[::1] seen_first, const int32_t[::1] seen,
    const int64_t[::1] order, const int64_t[::1] unit_first, const int32_t[::1] quota,
    int32_t[:, ::1] question, int32_t[:, ::1] point, double[:, ::1] logit,
):
    """Fill in the lists.

    Args:
        bank: `engine.recommend.questions.Questions`.
        rule: `engine.recommend.choosing.Ranking`.
        need, shift, unready, due: (n, K) of the pupils, see `engine.recommend.needs.Needs`.
        seen_first, seen: (n + 1,) and the questions that each pupil must not have.
        order: (n,) the pupils of each unit in the order in which they choose.
        unit_first: (U + 1,) where the units begin in `order`.
        quota: (U,) pupils of the unit that may have the same question.
        question, point, logit: (n, length) the lists; those that are shorter are not filled to the end.
    """
    cdef const int64_t[::1] first = bank.first, touched = bank.touched
    cdef const double[::1] location = bank.location
    cdef const int32_t[::1] family = bank.family, bank_point = bank.point, above = rule.above, below = rule.below
    cdef const int32_t[:, ::1] row = rule.row, best = rule.best
    cdef const float[:, ::1] worth = rule.worth, most = rule.most
    cdef const uint8_t[:, ::1] rests = rule.rests
    cdef Bank b
    cdef Rule rules
    cdef Room* room = NULL
    cdef Py_ssize_t units = quota.shape[0], unit, i, count
    cdef int64_t s
    cdef int32_t pupil
    b.questions, b.groups, b.points = location.shape[0], first.shape[0] - 1, need.shape[1]
    b.families, b.cells, b.low, b.per_logit = bank.families, row.shape[0], rule.low, rule.per_logit
    if b.groups == 0 or order.shape[0] == 0:
        return
    b.first, b.touched, b.point, b.family = &first[0], &touched[0], &bank_point[0], &family[0]
    b.location, b.row, b.worth = &location[0], &row[0, 0], &worth[0, 0]
    b.best, b.most = &best[0, 0], &most[0, 0]
    rules.length, rules.per_point, rules.reviews = rule.length, rule.per_point, rule.reviews
    rules.decay, rules.blocked = rule.decay, rule.blocked
    rules.edges, rules.rests = above.shape[0], &rests[0, 0]
    if rules.edges:
        rules.above, rules.below = &above[0], &below[0]
    with nogil, parallel():
        room = _room(&b)
        for unit in prange(units, schedule="dynamic"):
            for i in range(b.questions):
                room.left[i] = quota[unit]
            for i in range(unit_first[unit], unit_first[unit + 1]):
                pupil = <int32_t>order[i]
                for s in range(seen_first[pupil], seen_first[pupil + 1]):
                    room.gone[seen[s]] = pupil
                _ready(room, &b, &rules, &need[pupil, 0], &unready[pupil, 0])
                _start(room, &b, &shift[pupil, 0])
                count = 0
                if rules.reviews:
                    _rank(room, &b, &rules, &due[pupil, 0])
                    count = _fill(room, &b, &rules, &shift[pupil, 0], pupil, 0, min(rules.reviews, rules.length),
                                  &question[pupil, 0], &point[pupil, 0], &logit[pupil, 0])
                _rank(room, &b, &rules, NULL)
                count = _fill(room, &b, &rules, &shift[pupil, 0], pupil, count, rules.length,
                              &question[pupil, 0], &point[pupil, 0], &logit[pupil, 0])
                if rules.edges:
                    _prerequisites_first(&b, &rules, &unready[pupil, 0], count, &question[pupil, 0],
                                         &point[pupil, 0], &logit[pupil, 0])
        _leave(room)


cdef void* _memory(size_t count, size_t bytes) noexcept nogil:
    cdef void* found = malloc(count * bytes)
    if found == NULL:
        abort()
    return found


cdef Room* _room(const Bank* b) noexcept nogil:
    """A thread's working space."""
    cdef Room* r = <Room*>_memory(1, sizeof(Room))
    r.need = <double*>_memory(b.points, sizeof(double))
    r.lifted = <double*>_memory(b.points, sizeof(double))
    r.count = <int32_t*>_memory(b.points, sizeof(int32_t))
    r.key = <double*>_memory(b.groups, sizeof(double))
    r.best = <double*>_memory(b.groups // BLOCK + 1, sizeof(double))
    r.cell = <int32_t*>_memory(b.groups, sizeof(int32_t))
    r.place = <int32_t*>_memory(b.groups, sizeof(int32_t))
    r.gone = <int32_t*>_memory(b.questions, sizeof(int32_t))
    r.taken = <int32_t*>_memory(b.families, sizeof(int32_t))
    r.left = <int32_t*>_memory(b.questions, sizeof(int32_t))
    memset(r.gone, -1, b.questions * sizeof(int32_t))
    memset(r.taken, -1, b.families * sizeof(int32_t))
    return r


cdef void _leave(Room* r) noexcept nogil:
    free(r.need)
    free(r.lifted)
    free(r.count)
    free(r.key)
    free(r.best)
    free(r.cell)
    free(r.place)
    free(r.gone)
    free(r.taken)
    free(r.left)
    free(r)
