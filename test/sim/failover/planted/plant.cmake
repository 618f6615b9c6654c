# cmake -DBUG=<file.bug> -DSOURCE=<machine.cc> -DRESULT=<file.cc> -P plant.cmake
# Writes SOURCE with one bug in it. A bug says what it is, which oracle sees it, and one piece of
# text and what stands in its place; the text must be in SOURCE exactly once, so that a bug that
# is out of date stops the build and not the proof.
file(READ ${BUG} bug)
file(READ ${SOURCE} source)
set(find_mark "---- find\n")
set(plant_mark "---- plant\n")
string(FIND "${bug}" "${find_mark}" find_at)
string(FIND "${bug}" "${plant_mark}" plant_at)
if(find_at EQUAL -1 OR plant_at LESS find_at)
  message(FATAL_ERROR "${BUG}: no \"---- find\" followed by \"---- plant\"")
endif()
string(LENGTH "${find_mark}" mark_length)
math(EXPR find_at "${find_at} + ${mark_length}")
math(EXPR find_length "${plant_at} - ${find_at}")
string(SUBSTRING "${bug}" ${find_at} ${find_length} find)
string(LENGTH "${plant_mark}" mark_length)
math(EXPR plant_at "${plant_at} + ${mark_length}")
string(SUBSTRING "${bug}" ${plant_at} -1 plant)

string(FIND "${source}" "${find}" first)
string(FIND "${source}" "${find}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${BUG}: its text must occur in ${SOURCE} exactly once:\n${find}")
endif()
string(REPLACE "${find}" "${plant}" source "${source}")
file(WRITE ${RESULT} "${source}")
