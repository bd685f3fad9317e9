"""Imported by the fork server before the libraries: the garbage collector finds nothing in what they leave, and rests.

Looking takes it a tenth of the time of their import. Workers make it pass by all that and go on. Nobody reads the
libraries' documentation there either.
"""

import gc

from fusebench.engine.execute._quick_imports import import_quickly

gc.disable()
import_quickly()
