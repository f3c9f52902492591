# family: resource bombs: source
# about: Many writes that nobody marks, for the path rule to follow.
# args: [1]
def f(self, x):
    if x:
        self.a0 = x
    if x:
        self.a1 = x
    if x:
        self.a2 = x
    if x:
        self.a3 = x
    if x:
        self.a4 = x
    if x:
        self.a5 = x
    if x:
        self.a6 = x
    if x:
        self.a7 = x
    if x:
        self.a8 = x
    if x:
        self.a9 = x
    if x:
        self.a10 = x
    if x:
        self.a11 = x
    if x:
        self.a12 = x
    if x:
        self.a13 = x
    if x:
        self.a14 = x
    if x:
        self.a15 = x
    if x:
        self.a16 = x
    if x:
        self.a17 = x
    if x:
        self.a18 = x
    if x:
        self.a19 = x
    if x:
        self.a20 = x
    if x:
        self.a21 = x
    if x:
        self.a22 = x
    if x:
        self.a23 = x
    if x:
        self.a24 = x
    if x:
        self.a25 = x
    if x:
        self.a26 = x
    if x:
        self.a27 = x
    if x:
        self.a28 = x
    if x:
        self.a29 = x
    if x:
        self.a30 = x
    if x:
        self.a31 = x
    if x:
        self.a32 = x
    if x:
        self.a33 = x
    if x:
        self.a34 = x
    if x:
        self.a35 = x
    if x:
        self.a36 = x
    if x:
        self.a37 = x
    if x:
        self.a38 = x
    if x:
        self.a39 = x
    if x:
        self.a40 = x
    if x:
        self.a41 = x
    if x:
        self.a42 = x
    if x:
        self.a43 = x
    if x:
        self.a44 = x
    if x:
        self.a45 = x
    if x:
        self.a46 = x
    if x:
        self.a47 = x
    if x:
        self.a48 = x
    if x:
        self.a49 = x
    if x:
        self.a50 = x
    if x:
        self.a51 = x
    if x:
        self.a52 = x
    if x:
        self.a53 = x
    if x:
        self.a54 = x
    if x:
        self.a55 = x
    if x:
        self.a56 = x
    if x:
        self.a57 = x
    if x:
        self.a58 = x
    if x:
        self.a59 = x
    if x:
        self.a60 = x
    if x:
        self.a61 = x
    if x:
        self.a62 = x
    if x:
        self.a63 = x
    if x:
        self.a64 = x
    if x:
        self.a65 = x
    if x:
        self.a66 = x
    if x:
        self.a67 = x
    if x:
        self.a68 = x
    if x:
        self.a69 = x
    if x:
        self.a70 = x
    if x:
        self.a71 = x
    if x:
        self.a72 = x
    if x:
        self.a73 = x
    if x:
        self.a74 = x
    if x:
        self.a75 = x
    if x:
        self.a76 = x
    if x:
        self.a77 = x
    if x:
        self.a78 = x
    if x:
        self.a79 = x
    if x:
        self.a80 = x
    if x:
        self.a81 = x
    if x:
        self.a82 = x
    if x:
        self.a83 = x
    if x:
        self.a84 = x
    if x:
        self.a85 = x
    if x:
        self.a86 = x
    if x:
        self.a87 = x
    if x:
        self.a88 = x
    if x:
        self.a89 = x
    if x:
        self.a90 = x
    if x:
        self.a91 = x
    if x:
        self.a92 = x
    if x:
        self.a93 = x
    if x:
        self.a94 = x
    if x:
        self.a95 = x
    if x:
        self.a96 = x
    if x:
        self.a97 = x
    if x:
        self.a98 = x
    if x:
        self.a99 = x
    if x:
        self.a100 = x
    if x:
        self.a101 = x
    if x:
        self.a102 = x
    if x:
        self.a103 = x
    if x:
        self.a104 = x
    if x:
        self.a105 = x
    if x:
        self.a106 = x
    if x:
        self.a107 = x
    if x:
        self.a108 = x
    if x:
        self.a109 = x
    if x:
        self.a110 = x
    if x:
        self.a111 = x
    if x:
        self.a112 = x
    if x:
        self.a113 = x
    if x:
        self.a114 = x
    if x:
        self.a115 = x
    if x:
        self.a116 = x
    if x:
        self.a117 = x
    if x:
        self.a118 = x
    if x:
        self.a119 = x
    if x:
        self.a120 = x
    if x:
        self.a121 = x
    if x:
        self.a122 = x
    if x:
        self.a123 = x
    if x:
        self.a124 = x
    if x:
        self.a125 = x
    if x:
        self.a126 = x
    if x:
        self.a127 = x
    if x:
        self.a128 = x
    if x:
        self.a129 = x
    if x:
        self.a130 = x
    if x:
        self.a131 = x
    if x:
        self.a132 = x
    if x:
        self.a133 = x
    if x:
        self.a134 = x
    if x:
        self.a135 = x
    if x:
        self.a136 = x
    if x:
        self.a137 = x
    if x:
        self.a138 = x
    if x:
        self.a139 = x
    if x:
        self.a140 = x
    if x:
        self.a141 = x
    if x:
        self.a142 = x
    if x:
        self.a143 = x
    if x:
        self.a144 = x
    if x:
        self.a145 = x
    if x:
        self.a146 = x
    if x:
        self.a147 = x
    if x:
        self.a148 = x
    if x:
        self.a149 = x
    if x:
        self.a150 = x
    if x:
        self.a151 = x
    if x:
        self.a152 = x
    if x:
        self.a153 = x
    if x:
        self.a154 = x
    if x:
        self.a155 = x
    if x:
        self.a156 = x
    if x:
        self.a157 = x
    if x:
        self.a158 = x
    if x:
        self.a159 = x
    if x:
        self.a160 = x
    if x:
        self.a161 = x
    if x:
        self.a162 = x
    if x:
        self.a163 = x
    if x:
        self.a164 = x
    if x:
        self.a165 = x
    if x:
        self.a166 = x
    if x:
        self.a167 = x
    if x:
        self.a168 = x
    if x:
        self.a169 = x
    if x:
        self.a170 = x
    if x:
        self.a171 = x
    if x:
        self.a172 = x
    if x:
        self.a173 = x
    if x:
        self.a174 = x
    if x:
        self.a175 = x
    if x:
        self.a176 = x
    if x:
        self.a177 = x
    if x:
        self.a178 = x
    if x:
        self.a179 = x
    if x:
        self.a180 = x
    if x:
        self.a181 = x
    if x:
        self.a182 = x
    if x:
        self.a183 = x
    if x:
        self.a184 = x
    if x:
        self.a185 = x
    if x:
        self.a186 = x
    if x:
        self.a187 = x
    if x:
        self.a188 = x
    if x:
        self.a189 = x
