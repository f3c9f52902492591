# family: keys that hash alike
# about: A set that grows by `^`.
def f(self):
    s = set()
    for n in range(3000):
        s = s ^ {n * 2305843009213693951}
    return [s] * 30
