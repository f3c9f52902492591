# family: host callbacks
# about: A keyword whose name is code.
def f(self):
    return self.friend.echo(**{"x); import os; (": 1})
