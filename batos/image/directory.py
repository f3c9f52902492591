"""The trees in an image's root, which every new object and every mission adds to."""

from __future__ import annotations

from BTrees.OOBTree import OOBTree


class Directory(OOBTree):
    """From text to objects, in small nodes: adding an entry writes the leaf that it comes into, whole.

    With the 30 entries and 250 leaves of an `OOBTree`, a new object wrote 1.7 kB of names in a world of some thousands;
    with these, 1 kB. Smaller ones save no more, because nodes then split more often.
    """

    __slots__ = ()
    max_leaf_size = 16
    max_internal_size = 60
