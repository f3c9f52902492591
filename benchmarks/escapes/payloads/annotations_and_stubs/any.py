# family: annotations and stubs
# about: Calls what it may not under the type Any.
def f(self):
    from typing import Any
    x: Any = self.vault
    x.code = 'open'
    self._p_changed = True
