# family: dunder walks
# about: A hidden attribute in a pattern.
def f(self):
    match self:
        case object(__class__=kind):
            return kind
