# family: keys that hash alike
# about: Floats far apart that have few hashes.
def f(self):
    return {2.0 ** (n % 2000 - 1000) * (1 + n // 2000): n for n in range(30000)}
