# family: outside
# about: A file by way of csv.
def f(self):
    import csv
    return list(csv.reader(open("@FILE@")))
