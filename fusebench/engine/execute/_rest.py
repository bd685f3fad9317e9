"""Imported by the fork server before the libraries: the garbage collector finds nothing in what they leave, and rests.

Looking takes it a tenth of the time of their import. Workers make it pass by all that and go on.
"""

import gc

gc.disable()
