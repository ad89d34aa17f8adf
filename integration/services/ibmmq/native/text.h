/* Fields of fixed width, and texts and bytes that grow. */
#ifndef STAND_IN_TEXT_H
#define STAND_IN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A field padded with blanks or ended by a zero byte, as a text. */
void name_read(char *text, size_t size, const char *field, size_t width);
/* A text as a field padded with blanks. */
void name_write(char *field, size_t width, const char *text);

/* Starts as zeros; the data is freed by its owner. Without memory the process ends. */
struct text {
    char *data;
    size_t length;
    size_t capacity;
};

/* Room for so many bytes more. */
void text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const void *data, size_t length);
void text_add_zeros(struct text *text, size_t length);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_hex(struct text *text, const void *data, size_t length);
/* The bytes that hexadecimal digits mean. -1: they are none, or do not fit. */
long hex_read(void *data, size_t capacity, const char *digits, size_t count);

#endif
