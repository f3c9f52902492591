# family: pickles
# about: A map that looks like a secret in frozen JSON.
def f(self):
    return {"$secret": "@ENV@"}
