# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Kernels of knowledge tracing: the filter over a pupil's answers, the chain over the roll, logistic-normal integrals.

Every pupil and every chain is computed by itself, so the results do not depend on the number of threads.
"""

from cython.parallel cimport parallel, prange
from libc.math cimport exp, log1p, sqrt
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from engine._core import most_threads

cdef enum:
    NODES = 12
    FEW = 1 << 18  # answers

_nodes, _weights = np.polynomial.hermite_e.hermegauss(NODES)
cdef double LEAST = 1e-12  # a chance below is this one
cdef double MOST = 0.999  # share of the variance that one answer can take
cdef double[NODES] AT = _nodes
cdef double[NODES] WEIGHT = _weights / _weights.sum()


cdef inline void _integrals(double m, double v, double* p0, double* p1, double* p2) noexcept nogil:
    """Expectation of the logistic curve and of its first two derivatives at f ~ N(m, v)."""
    cdef double s = sqrt(v), p, sum0 = 0, sum1 = 0, sum2 = 0
    cdef int i
    for i in range(NODES):
        p = 1 / (1 + exp(-(m + s * AT[i])))
        sum0 += WEIGHT[i] * p
        sum1 += WEIGHT[i] * p * (1 - p)
        sum2 += WEIGHT[i] * p * (1 - p) * (1 - 2 * p)
    p0[0], p1[0], p2[0] = sum0, sum1, sum2


cdef int _threads(Py_ssize_t work):
    """Threads worth starting for so many answers: waiting for them costs more than they gain where there are few."""
    return 1 if work < FEW else most_threads()


def integrals(const double[::1] mean, const double[::1] variance, double[:, ::1] out):
    """Expectations of σ, σ' and σ'' at f ~ N(mean, variance) into `out` (n, 3)."""
    cdef Py_ssize_t i, n = mean.shape[0]
    cdef int threads = _threads(n)
    for i in prange(n, nogil=True, schedule="static", num_threads=threads):
        _integrals(mean[i], variance[i], &out[i, 0], &out[i, 1], &out[i, 2])


cdef struct State:
    double* mean
    double* cov  # (room, room)
    double* decay
    double* gain
    double* x
    int32_t* kind
    int32_t* place  # point → its first state, -1: none yet
    int32_t* met  # point → answers to it so far
    Py_ssize_t room, size


cdef struct Dynamics:
    double form_variance, form_rate, point_variance, recent_variance, recent_rate, learning


cdef inline void _add(State* s, double mean, double variance, int32_t kind) noexcept nogil:
    cdef Py_ssize_t i, a = s.size
    for i in range(a):
        s.cov[a * s.room + i] = s.cov[i * s.room + a] = 0
    s.cov[a * s.room + a] = variance
    s.mean[a] = mean
    s.x[a] = 0
    s.kind[a] = kind
    s.size = a + 1


cdef inline void _touch(State* s, Py_ssize_t point, const Dynamics* d) noexcept nogil:
    """Give a point its states when it is first met: until then it is independent of all others."""
    if s.place[point] < 0:
        s.place[point] = <int32_t>s.size
        s.met[point] = 0
        _add(s, 0, d.point_variance, 0)
        if d.recent_variance > 0:
            _add(s, 0, d.recent_variance, 2)


cdef inline void _pass_time(State* s, double elapsed, const Dynamics* d) noexcept nogil:
    """Ornstein-Uhlenbeck: what is passing decays to its mean, 0, and regains its own variance."""
    cdef Py_ssize_t i, j
    cdef double form = exp(-elapsed * d.form_rate), recent = exp(-elapsed * d.recent_rate)
    for i in range(s.size):
        s.decay[i] = form if s.kind[i] == 1 else (recent if s.kind[i] == 2 else 1)
        s.mean[i] *= s.decay[i]
    for i in range(s.size):
        for j in range(s.size):
            s.cov[i * s.room + j] *= s.decay[i] * s.decay[j]
        if s.kind[i] == 1:
            s.cov[i * s.room + i] += d.form_variance * (1 - form * form)
        elif s.kind[i] == 2:
            s.cov[i * s.room + i] += d.recent_variance * (1 - recent * recent)


cdef inline void _direct(State* s, const int64_t* points, const double* weights, Py_ssize_t n,
                         const Dynamics* d) noexcept nogil:
    """Add an item's direction to x."""
    cdef Py_ssize_t k, i
    s.x[0] += 1
    if d.form_variance > 0:
        s.x[1] += 1
    if d.point_variance > 0:
        for k in range(n):
            _touch(s, points[k], d)
            i = s.place[points[k]]
            s.x[i] += weights[k]
            if d.recent_variance > 0:
                s.x[i + 1] += weights[k]


cdef inline void _project(State* s, double* mean, double* variance) noexcept nogil:
    """gain = cov x; mean and variance of x·state. x is sparse: only its non-zero entries are gone through."""
    cdef Py_ssize_t i, j
    cdef double x
    for i in range(s.size):
        s.gain[i] = 0
    mean[0] = variance[0] = 0
    for j in range(s.size):
        x = s.x[j]
        if x != 0:
            mean[0] += x * s.mean[j]
            for i in range(s.size):
                s.gain[i] += x * s.cov[j * s.room + i]
    for j in range(s.size):
        variance[0] += s.x[j] * s.gain[j]
    if variance[0] < 0:
        variance[0] = 0


cdef struct Log:
    const int64_t* item
    const int8_t* correct
    const double* elapsed
    const double* offset
    const double* slope
    const int64_t* q_first
    const int64_t* q_point
    const double* q_weight


cdef inline void _face(State* s, const Log* log, Py_ssize_t item, double* mean, double* variance,
                       const Dynamics* d) noexcept nogil:
    """Turn x to the item; mean and variance of the ability for it."""
    cdef Py_ssize_t q = log.q_first[item]
    _direct(s, log.q_point + q, log.q_weight + q, log.q_first[item + 1] - q, d)
    _project(s, mean, variance)


cdef inline void _clear(State* s) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(s.size):
        s.x[i] = 0


cdef inline void _learn(State* s, const Log* log, Py_ssize_t t, double m, double v, double* site,
                        const Dynamics* d) noexcept nogil:
    """Match the moments of the state's distribution after an answer; its site (precision, precision × mean)."""
    cdef double p0, p1, p2, up, down, a = log.slope[log.item[t]], sign = 2 * log.correct[t] - 1
    cdef Py_ssize_t i, j, q, point
    _integrals(sign * (log.offset[t] + a * m), a * a * v, &p0, &p1, &p2)
    p0 = max(p0, LEAST)
    up = sign * a * p1 / p0
    down = max(up * up - a * a * p2 / p0, 0)
    if down * v > MOST:
        down = MOST / v
    site[0] = down / (1 - down * v)
    site[1] = (up + m * down) / (1 - down * v)
    for i in range(s.size):
        s.mean[i] += s.gain[i] * up
        for j in range(s.size):
            s.cov[i * s.room + j] -= down * s.gain[i] * s.gain[j]
    if d.learning != 0 and d.point_variance > 0:
        for q in range(log.q_first[log.item[t]], log.q_first[log.item[t] + 1]):
            point = log.q_point[q]
            s.mean[s.place[point]] += d.learning * log.q_weight[q] * log1p(1.0 / (1 + s.met[point]))
            s.met[point] += 1


cdef void _follow(State* s, const Log* log, Py_ssize_t start, Py_ssize_t stop, double* before, double* cavity,
                  double* sites, const Dynamics* d) noexcept nogil:
    """One pupil's answers from `start` to `stop`, and then, if asked, what each is given all others."""
    cdef Py_ssize_t t
    cdef double m, v, rest
    cdef double[2] site
    for t in range(start, stop):
        if log.elapsed[t] > 0 and (d.form_variance > 0 or d.recent_variance > 0):
            _pass_time(s, log.elapsed[t], d)
        _face(s, log, log.item[t], &m, &v, d)
        before[2 * t], before[2 * t + 1] = m, v
        site[0] = site[1] = 0
        if log.correct[t] >= 0:
            _learn(s, log, t, m, v, site, d)
        _clear(s)
        if sites != NULL:
            sites[2 * t], sites[2 * t + 1] = site[0], site[1]
    if cavity != NULL:
        for t in range(start, stop):
            _face(s, log, log.item[t], &m, &v, d)
            _clear(s)
            rest = max(1 - v * sites[2 * t], 1e-6)
            cavity[2 * t] = (m - v * sites[2 * t + 1]) / rest
            cavity[2 * t + 1] = v / rest


cdef void _master(State* s, Py_ssize_t points, double* mean, double* variance, const Dynamics* d) noexcept nogil:
    """Mean and variance of the whole ability at every point."""
    cdef Py_ssize_t k
    cdef double one = 1
    cdef int64_t point
    cdef double unmet
    for k in range(points):
        point = k
        unmet = 0
        if d.point_variance > 0 and s.place[k] < 0:
            unmet = d.point_variance + d.recent_variance
            _direct(s, &point, &one, 0, d)
        else:
            _direct(s, &point, &one, 1, d)
        _project(s, &mean[k], &variance[k])
        variance[k] += unmet
        _clear(s)


def trace(const int64_t[::1] first, const int64_t[::1] item, const int8_t[::1] correct, const double[::1] elapsed,
          const double[::1] offset, const double[::1] slope, const int64_t[::1] q_first, const int64_t[::1] q_point,
          const double[::1] q_weight, const double[::1] prior_mean, const double[::1] prior_variance,
          const double[::1] dynamics, Py_ssize_t points, Py_ssize_t room, double[:, ::1] before,
          double[:, ::1] cavity, double[:, ::1] level, double[:, :, ::1] mastery):
    """Filter the answers of every pupil, in their order, by matching moments (assumed-density filtering).

    The ability h for an answer is x·state, and the chance of a right one σ(offset + slope h).

    Args:
        first: (n + 1,) where the answers of each pupil begin.
        item: (N,); correct: (N,) 1, 0, or -1 for an answer to predict only; elapsed: (N,) time since the one before.
        offset: (N,); slope: (items,).
        q_first, q_point, q_weight: the points of each item (CSR) and their shares.
        prior_mean, prior_variance: (n,) of the pupils' levels.
        dynamics: form_variance, form_rate, point_variance, recent_variance, recent_rate, learning.
        points: how many there are; room: most states any pupil needs.
        before: (N, 2), filled with mean and variance of h given the answers before.
        cavity: (N, 2), or (0, 2): the same given all the pupil's other answers; only without dynamics.
        level: (n, 2), filled with mean and variance of the level given all answers.
        mastery: (2, n, points), or (2, 0, 0): mean and variance of the whole ability at each point, after the last.
    """
    cdef Py_ssize_t n = first.shape[0] - 1, N = item.shape[0], p, i
    cdef bint with_cavity = cavity.shape[0] > 0 and N > 0, with_mastery = mastery.shape[1] > 0 and points > 0
    cdef Dynamics d
    cdef Log log
    cdef State* s
    d.form_variance, d.form_rate, d.point_variance = dynamics[0], dynamics[1], dynamics[2]
    d.recent_variance, d.recent_rate, d.learning = dynamics[3], dynamics[4], dynamics[5]
    cdef double[:, ::1] sites = np.zeros((N + 1 if with_cavity else 1, 2))
    cdef double* site = &sites[0, 0] if with_cavity else NULL
    cdef double* others = &cavity[0, 0] if with_cavity else NULL
    cdef double* earlier = &before[0, 0] if N else NULL
    if N:
        log.item, log.correct, log.elapsed, log.offset = &item[0], &correct[0], &elapsed[0], &offset[0]
        log.slope, log.q_first = &slope[0], &q_first[0]
        log.q_point, log.q_weight = &q_point[0], &q_weight[0]
    cdef int threads = _threads(N)
    with nogil, parallel(num_threads=threads):
        s = _state(room, points)
        for p in prange(n, schedule="dynamic", chunksize=16):
            s.size = 0
            _add(s, prior_mean[p], prior_variance[p], 0)
            if d.form_variance > 0:
                _add(s, 0, d.form_variance, 1)
            _follow(s, &log, first[p], first[p + 1], earlier, others, site, &d)
            level[p, 0] = s.mean[0]
            level[p, 1] = s.cov[0]
            if with_mastery:
                _master(s, points, &mastery[0, p, 0], &mastery[1, p, 0], &d)
            for i in range(points):
                s.place[i] = -1
        _free(s)


cdef struct Chain:
    double far, far_rate, near, near_rate  # variances and rates


cdef State* _state(Py_ssize_t room, Py_ssize_t points) noexcept nogil:
    cdef State* s = <State*>malloc(sizeof(State))
    cdef Py_ssize_t i
    s.room = room
    s.size = 0
    s.mean = <double*>malloc(room * sizeof(double))
    s.cov = <double*>malloc(room * room * sizeof(double))
    s.decay = <double*>malloc(room * sizeof(double))
    s.gain = <double*>malloc(room * sizeof(double))
    s.x = <double*>calloc(room, sizeof(double))
    s.kind = <int32_t*>malloc(room * sizeof(int32_t))
    s.place = <int32_t*>malloc((points + 1) * sizeof(int32_t))
    s.met = <int32_t*>calloc(points + 1, sizeof(int32_t))
    for i in range(points):
        s.place[i] = -1
    return s


cdef void _free(State* s) noexcept nogil:
    free(s.mean)
    free(s.cov)
    free(s.decay)
    free(s.gain)
    free(s.x)
    free(s.kind)
    free(s.place)
    free(s.met)
    free(s)


cdef double _chain(Py_ssize_t start, Py_ssize_t stop, const double* position, const double* value,
                   const double* precision, const Chain* chain, double* past, double* rest) noexcept nogil:
    cdef double m1 = 0, m2 = 0, p11 = chain.far, p12 = 0, p22 = chain.near, h1, h2, w, weight, error, loglik = 0
    cdef double decay1, decay2 = 1, l1 = 0, l2 = 0, i11 = 0, i12 = 0, i22 = 0, g, g1, g2, mean, variance
    cdef Py_ssize_t t
    for t in range(start, stop):
        if t > start:
            decay1 = exp(-chain.far_rate * (position[t] - position[t - 1]))
            if chain.near > 0:
                decay2 = exp(-chain.near_rate * (position[t] - position[t - 1]))
            m1, m2 = m1 * decay1, m2 * decay2
            p11 = chain.far + decay1 * decay1 * (p11 - chain.far)
            p22 = chain.near + decay2 * decay2 * (p22 - chain.near)
            p12 *= decay1 * decay2
        past[5 * t], past[5 * t + 1] = m1, m2
        past[5 * t + 2], past[5 * t + 3], past[5 * t + 4] = p11, p12, p22
        h1, h2, w = p11 + p12, p12 + p22, precision[t]
        weight, error = w / (1 + (h1 + h2) * w), value[t] - m1 - m2
        loglik -= (log1p((h1 + h2) * w) + error * error * weight) / 2
        m1, m2 = m1 + h1 * weight * error, m2 + h2 * weight * error
        p11, p12, p22 = p11 - h1 * h1 * weight, p12 - h1 * h2 * weight, p22 - h2 * h2 * weight
    for t in range(stop - 1, start - 1, -1):
        if t < stop - 1:
            decay1 = exp(-chain.far_rate * (position[t + 1] - position[t]))
            if chain.near > 0:
                decay2 = exp(-chain.near_rate * (position[t + 1] - position[t]))
            l1, l2 = l1 * decay1, l2 * decay2
            i11, i12, i22 = i11 * decay1 * decay1, i12 * decay1 * decay2, i22 * decay2 * decay2
        m1, m2 = past[5 * t], past[5 * t + 1]
        p11, p12, p22 = past[5 * t + 2], past[5 * t + 3], past[5 * t + 4]
        h1, h2, w = p11 + p12, p12 + p22, precision[t]
        weight, error = w / (1 + (h1 + h2) * w), value[t] - m1 - m2
        g = (h1 * l1 + h2 * l2 + error) * weight
        l1, l2 = l1 - g, l2 - g
        g1, g2 = (i11 * h1 + i12 * h2) * weight, (i12 * h1 + i22 * h2) * weight
        g = (h1 * g1 + h2 * g2 + 1) * weight
        i11, i12, i22 = i11 - 2 * g1 + g, i12 - g1 - g2 + g, i22 - 2 * g2 + g
        mean = m1 + m2 - h1 * l1 - h2 * l2
        variance = h1 + h2 - h1 * h1 * i11 - 2 * h1 * h2 * i12 - h2 * h2 * i22
        rest[2 * t + 1] = variance / (1 - variance * w)  # given all, then without the own one
        rest[2 * t] = (mean - variance * w * value[t]) / (1 - variance * w)
    return loglik


def smooth(const int64_t[::1] first, const double[::1] position, const double[::1] value, const double[::1] precision,
           tuple far, tuple near, double[:, ::1] rest):
    """Sums of two Ornstein-Uhlenbeck chains smoothed with each observation left out: Kalman filter forward, and
    backward as Bierman (1973, modified Bryson-Frazier) has it, which takes chains of no variance.

    Args:
        first: (chains + 1,) where each chain begins; position: (N,) ascending in a chain.
        value, precision: (N,) observations with their precisions; 0: none, to predict only.
        far, near: variance and rate of each of the two, variances not both 0; correlation exp(-rate × distance).
        rest: (N, 2), filled with mean and variance of the sum given all other observations.

    Returns:
        Log-likelihood of the observations, without the terms that do not depend on variances and rates.
    """
    cdef Py_ssize_t chains = first.shape[0] - 1, c
    cdef double[::1] loglik = np.zeros(chains)
    cdef double[:, ::1] past = np.empty((position.shape[0], 5))
    cdef int threads = _threads(position.shape[0] if chains > 1 else 0)
    cdef Chain chain
    chain.far, chain.far_rate = far
    chain.near, chain.near_rate = near
    if position.shape[0]:
        for c in prange(chains, nogil=True, schedule="dynamic", num_threads=threads):
            loglik[c] = _chain(first[c], first[c + 1], &position[0], &value[0], &precision[0], &chain, &past[0, 0],
                               &rest[0, 0])
    return float(np.sum(loglik))
