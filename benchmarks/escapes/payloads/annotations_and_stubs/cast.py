# family: annotations and stubs
# about: Says that an object is something else.
def f(self):
    from typing import cast
    return cast(dict, self.vault)['code']
