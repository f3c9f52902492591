# family: unicode names
# about: Mathematical letters that fold to __import__.
def f(self):
    return __𝐢𝐦𝐩𝐨𝐫𝐭__("os")
