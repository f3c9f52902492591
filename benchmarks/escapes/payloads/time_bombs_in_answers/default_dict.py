# family: time bombs in answers
# about: A dict that makes its own values.
def f(self):
    from collections import defaultdict
    return defaultdict(lambda: open("@FILE@"))
