#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void name_read(char *text, size_t size, const char *field, size_t width)
{
    size_t length = strnlen(field, width);
    while (length > 0 && field[length - 1] == ' ')
        length--;
    if (length >= size)
        length = size - 1;
    memcpy(text, field, length);
    text[length] = '\0';
}

void name_write(char *field, size_t width, const char *text)
{
    size_t length = strnlen(text, width);
    memcpy(field, text, length);
    memset(field + length, ' ', width - length);
}

void text_reserve(struct text *text, size_t more)
{
    if (text->length + more <= text->capacity)
        return;
    size_t capacity = text->capacity == 0 ? 256 : text->capacity;
    while (capacity < text->length + more)
        capacity *= 2;
    char *grown = realloc(text->data, capacity);
    if (grown == NULL)
        abort();
    text->data = grown;
    text->capacity = capacity;
}

void text_add(struct text *text, const void *data, size_t length)
{
    if (length == 0)
        return;
    text_reserve(text, length);
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

void text_add_zeros(struct text *text, size_t length)
{
    text_reserve(text, length);
    memset(text->data + text->length, 0, length);
    text->length += length;
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    text_reserve(text, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_add_hex(struct text *text, const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    text_reserve(text, 2 * length);
    for (size_t i = 0; i < length; i++) {
        text->data[text->length++] = digits[bytes[i] >> 4];
        text->data[text->length++] = digits[bytes[i] & 15];
    }
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

long hex_read(void *data, size_t capacity, const char *digits, size_t count)
{
    unsigned char *bytes = data;
    if (count % 2 != 0 || count / 2 > capacity)
        return -1;
    for (size_t i = 0; i < count / 2; i++) {
        int high = digit_value(digits[2 * i]);
        int low = digit_value(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return (long)(count / 2);
}
