; stated by a formula: not ours
(set-logic LIA)
(synth-fun larger ((x Int) (y Int)) Int)
(declare-var x Int)
(declare-var y Int)
(constraint (>= (larger x y) x))
(constraint (>= (larger x y) y))
(constraint (or (= x (larger x y)) (= y (larger x y))))
(check-synth)
