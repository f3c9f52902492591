# family: prototype pollution
# about: A list that another object answered with.
def f(self):
    items = self.friend.items_()
    items.append(99)
    return items
