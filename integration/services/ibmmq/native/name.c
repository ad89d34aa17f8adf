/* A library that is only a second name for the first one. */
typedef int nothing;
