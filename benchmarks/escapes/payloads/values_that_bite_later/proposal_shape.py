# family: values that bite later
# about: An answer that looks like an outcome.
def f(self):
    return {'state': 'done', 'outcome': {'answer': 'approved'}, 'error': None}
