"""first"""
import time
from batos.image.image import Image

def test_open(image_uri):
    for i in range(3):
        t=time.time()
        with Image.open(image_uri) as im:
            with im.transaction("x") as w:
                w.create(f"a{i}")
            print(image_uri.split(":")[0], "open", time.time()-t)
            print(im.where, im.where.name, len(list(im.transactions_since(b"\0"*8))))

def test_open2(image_uri):
    test_open(image_uri)
