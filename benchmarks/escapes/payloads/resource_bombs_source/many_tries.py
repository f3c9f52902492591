# family: resource bombs: source
# about: Many handlers, for the path rule to follow.
# args: [1]
def f(self, x):
    try:
        self.a0 = x
    finally:
        x = 0
    try:
        self.a1 = x
    finally:
        x = 1
    try:
        self.a2 = x
    finally:
        x = 2
    try:
        self.a3 = x
    finally:
        x = 3
    try:
        self.a4 = x
    finally:
        x = 4
    try:
        self.a5 = x
    finally:
        x = 5
    try:
        self.a6 = x
    finally:
        x = 6
    try:
        self.a7 = x
    finally:
        x = 7
    try:
        self.a8 = x
    finally:
        x = 8
    try:
        self.a9 = x
    finally:
        x = 9
    try:
        self.a10 = x
    finally:
        x = 10
    try:
        self.a11 = x
    finally:
        x = 11
    try:
        self.a12 = x
    finally:
        x = 12
    try:
        self.a13 = x
    finally:
        x = 13
    try:
        self.a14 = x
    finally:
        x = 14
    try:
        self.a15 = x
    finally:
        x = 15
    try:
        self.a16 = x
    finally:
        x = 16
    try:
        self.a17 = x
    finally:
        x = 17
    try:
        self.a18 = x
    finally:
        x = 18
    try:
        self.a19 = x
    finally:
        x = 19
    try:
        self.a20 = x
    finally:
        x = 20
    try:
        self.a21 = x
    finally:
        x = 21
    try:
        self.a22 = x
    finally:
        x = 22
    try:
        self.a23 = x
    finally:
        x = 23
    try:
        self.a24 = x
    finally:
        x = 24
    try:
        self.a25 = x
    finally:
        x = 25
    try:
        self.a26 = x
    finally:
        x = 26
    try:
        self.a27 = x
    finally:
        x = 27
    try:
        self.a28 = x
    finally:
        x = 28
    try:
        self.a29 = x
    finally:
        x = 29
    try:
        self.a30 = x
    finally:
        x = 30
    try:
        self.a31 = x
    finally:
        x = 31
    try:
        self.a32 = x
    finally:
        x = 32
    try:
        self.a33 = x
    finally:
        x = 33
    try:
        self.a34 = x
    finally:
        x = 34
    try:
        self.a35 = x
    finally:
        x = 35
    try:
        self.a36 = x
    finally:
        x = 36
    try:
        self.a37 = x
    finally:
        x = 37
    try:
        self.a38 = x
    finally:
        x = 38
    try:
        self.a39 = x
    finally:
        x = 39
    try:
        self.a40 = x
    finally:
        x = 40
    try:
        self.a41 = x
    finally:
        x = 41
    try:
        self.a42 = x
    finally:
        x = 42
    try:
        self.a43 = x
    finally:
        x = 43
    try:
        self.a44 = x
    finally:
        x = 44
    try:
        self.a45 = x
    finally:
        x = 45
    try:
        self.a46 = x
    finally:
        x = 46
    try:
        self.a47 = x
    finally:
        x = 47
    try:
        self.a48 = x
    finally:
        x = 48
    try:
        self.a49 = x
    finally:
        x = 49
    try:
        self.a50 = x
    finally:
        x = 50
    try:
        self.a51 = x
    finally:
        x = 51
    try:
        self.a52 = x
    finally:
        x = 52
    try:
        self.a53 = x
    finally:
        x = 53
    try:
        self.a54 = x
    finally:
        x = 54
    try:
        self.a55 = x
    finally:
        x = 55
    try:
        self.a56 = x
    finally:
        x = 56
    try:
        self.a57 = x
    finally:
        x = 57
    try:
        self.a58 = x
    finally:
        x = 58
    try:
        self.a59 = x
    finally:
        x = 59
    try:
        self.a60 = x
    finally:
        x = 60
    try:
        self.a61 = x
    finally:
        x = 61
    try:
        self.a62 = x
    finally:
        x = 62
    try:
        self.a63 = x
    finally:
        x = 63
    try:
        self.a64 = x
    finally:
        x = 64
    try:
        self.a65 = x
    finally:
        x = 65
    try:
        self.a66 = x
    finally:
        x = 66
    try:
        self.a67 = x
    finally:
        x = 67
    try:
        self.a68 = x
    finally:
        x = 68
    try:
        self.a69 = x
    finally:
        x = 69
    try:
        self.a70 = x
    finally:
        x = 70
    try:
        self.a71 = x
    finally:
        x = 71
    try:
        self.a72 = x
    finally:
        x = 72
    try:
        self.a73 = x
    finally:
        x = 73
    try:
        self.a74 = x
    finally:
        x = 74
    try:
        self.a75 = x
    finally:
        x = 75
    try:
        self.a76 = x
    finally:
        x = 76
    try:
        self.a77 = x
    finally:
        x = 77
    try:
        self.a78 = x
    finally:
        x = 78
    try:
        self.a79 = x
    finally:
        x = 79
    try:
        self.a80 = x
    finally:
        x = 80
    try:
        self.a81 = x
    finally:
        x = 81
    try:
        self.a82 = x
    finally:
        x = 82
    try:
        self.a83 = x
    finally:
        x = 83
    try:
        self.a84 = x
    finally:
        x = 84
    try:
        self.a85 = x
    finally:
        x = 85
    try:
        self.a86 = x
    finally:
        x = 86
    try:
        self.a87 = x
    finally:
        x = 87
    try:
        self.a88 = x
    finally:
        x = 88
    try:
        self.a89 = x
    finally:
        x = 89
    try:
        self.a90 = x
    finally:
        x = 90
    try:
        self.a91 = x
    finally:
        x = 91
    try:
        self.a92 = x
    finally:
        x = 92
    try:
        self.a93 = x
    finally:
        x = 93
    try:
        self.a94 = x
    finally:
        x = 94
