; the digits between the brackets, in the words of version 1 of the format
(set-logic SLIA)
(synth-fun area_code ((number String)) String
  ((Start String (ntString))
   (ntString String (number "(" ")" " " (str.++ ntString ntString) (str.substr ntString ntInt ntInt)))
   (ntInt Int (0 1 2 (+ ntInt ntInt) (str.indexof ntString ntString ntInt)))))
(declare-var number String)
(constraint (= (area_code "(030) 447 12 90") "030"))
(constraint (= (area_code "(0341) 22 1") "0341"))
(constraint (= (area_code "(07) 9981") "07"))
(constraint (= (area_code "(02202) 5 66 77") "02202"))
(constraint (= (area_code "(089) 123") "089"))
(check-synth)
