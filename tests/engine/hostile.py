"""Learners that do what they should not; each `how` is one misdeed."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

SLEEPER = ["sleep", os.environ.get("SLEEPER", "98765")]


class Strange(BaseException):
    pass


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no text either")


def eat():
    kept = []
    while True:
        kept.append(np.ones(5_000_000))


def hang_in_c():
    """Hold the interpreter's lock, with every signal blocked that can be."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.PyDLL(None).sleep(600)


def eat_in_a_child():
    pid = os.fork()
    if pid == 0:
        eat()
    os.waitpid(pid, 0)


def raise_it(error):
    raise error


def shout():
    for _ in range(100):
        print("x" * 10_000_000)  # 1 GB in all
    sys.stderr.write("y" * 10_000_000)


def leave_a_sleeper():
    subprocess.Popen(SLEEPER, start_new_session=True)


def leave_a_sleeper_and_die():
    leave_a_sleeper()
    os._exit(9)


def leave_a_sleeper_and_hang():
    leave_a_sleeper()
    hang_in_c()


FIT = {
    "sleeper_and_hang": leave_a_sleeper_and_hang,
    "raise": lambda: raise_it(ValueError("no")),
    "strange": lambda: raise_it(Strange("never caught")),
    "wordless": lambda: raise_it(Wordless()),
    "interrupt": lambda: raise_it(KeyboardInterrupt()),
    "exit": lambda: sys.exit(3),
    "os_exit": lambda: os._exit(7),
    "segfault": lambda: ctypes.string_at(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: time.sleep(600),
    "hang_in_c": hang_in_c,
    "eat": eat,
    "eat_in_a_child": eat_in_a_child,
    "deaf": lambda: os.closerange(3, 256),
    "sleeper": leave_a_sleeper,
    "orphan": leave_a_sleeper_and_die,
    "shout": shout,
}
PROBA = {
    "nan": lambda proba: proba * np.nan,
    "columns": lambda proba: proba[:, :1],
    "rows": lambda proba: proba[1:],
    "sum": lambda proba: proba * 2,
    "negative": lambda proba: np.column_stack([proba[:, 0] - 2, proba[:, 1] + 2, proba[:, 2:]]),
}


class Hostile(ClassifierMixin, BaseEstimator):
    def __init__(self, how="raise"):
        self.how = how

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        FIT.get(self.how, lambda: None)()
        self.inner_ = GaussianNB().fit(X, y)
        return self

    def predict(self, X):
        return self.inner_.predict(X) + (99 if self.how == "unseen" else 0)

    def predict_proba(self, X):
        return PROBA.get(self.how, lambda proba: proba)(self.inner_.predict_proba(X))
