; two arguments, in the words of version 2 of the format
(set-logic SLIA)
(synth-fun label ((name String) (shelf String)) String
  ((Start String) (I Int))
  ((Start String (name shelf ": " (str.++ Start Start)))
   (I Int (0 1))))
(declare-var name String)
(declare-var shelf String)
(constraint (= (label "Emma" "A3") "A3: Emma"))
(constraint (= (label "Dune" "F12") "F12: Dune"))
(constraint (= "B1: Ulysses" (label "Ulysses" "B1")))
(constraint (= (label "The Waves" "C7") "C7: The Waves"))
(check-synth)
