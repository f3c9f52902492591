# family: keys that hash alike
# about: A dict read from JSON text.
def f(self):
    import json
    return json.loads('{' + ','.join(['"%d": 0' % (n * 2305843009213693951) for n in range(30000)]) + '}')
