# family: resource bombs: memory
# about: A queue that grows.
def f(self):
    from collections import deque
    q = deque()
    while True:
        q.append("a" * 1000)
