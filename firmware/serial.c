#include "serial.h"

#include <stdlib.h>
#include <string.h>
#include <util/atomic.h>

#include "board.h"

static volatile char input[256], output[256];
static volatile uint8_t input_head, output_head, output_tail;
static volatile uint8_t input_tail;
static volatile bool input_lost;

static char line[LONGEST_LINE + 1];
static uint8_t length;
static bool spoilt;
static uint32_t crc;

ISR(RECEIVED_vect) { serial_take(); }

void serial_take(void) {
    if (!serial_has_arrived()) return;
    bool broken = serial_is_broken(); /* before the data are read */
    char byte = (char)SERIAL_DATA;
    uint8_t next = (uint8_t)(input_head + 1);
    if (broken || next == input_tail) {
        input_lost = true;
        byte = '\x7f'; /* spoils its line, whatever else is in it */
        if (next == input_tail) return;
    }
    input[input_head] = byte;
    input_head = next;
}

ISR(SENDABLE_vect) {
    if (output_tail == output_head) {
        sendable_off();
        return;
    }
    SERIAL_DATA = (uint8_t)output[output_tail];
    output_tail++;
}

void serial_begin(void) { serial_start(); }

static uint32_t crc_of(uint32_t sum, char byte) {
    static const uint32_t table[16] PROGMEM = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    sum ^= (uint8_t)byte;
    sum = sum >> 4 ^ pgm_read_dword(&table[sum & 15]);
    return sum >> 4 ^ pgm_read_dword(&table[sum & 15]);
}

static int8_t digit(char c) {
    if (c >= '0' && c <= '9') return (int8_t)(c - '0');
    if (c >= 'A' && c <= 'F') return (int8_t)(c - 'A' + 10);
    return -1;
}

/* Whether the line ends with the CRC of what comes before; cuts that off. */
static bool crc_fits(void) {
    if (length < 10 || line[length - 9] != '*') return false;
    uint32_t told = 0, sum = 0xffffffff;
    for (uint8_t i = (uint8_t)(length - 8); i < length; i++) {
        int8_t value = digit(line[i]);
        if (value < 0) return false;
        told = told << 4 | (uint8_t)value;
    }
    for (uint8_t i = 0; i < length - 9; i++) sum = crc_of(sum, line[i]);
    line[length - 9] = 0;
    return ~sum == told;
}

enum received serial_receive(char **payload) {
    while (input_tail != input_head) {
        char byte = input[input_tail];
        input_tail++;
        if (byte == '\n') {
            line[length] = 0;
            bool good = !spoilt && crc_fits(), empty = !length && !spoilt;
            length = 0;
            spoilt = false;
            if (empty) continue;
            *payload = line;
            return good ? LINE : DAMAGED;
        }
        if (byte < ' ' || byte > '~' || length == LONGEST_LINE) spoilt = true;
        else line[length++] = byte;
    }
    if (input_lost) { /* a byte is missing somewhere in the line that is arriving */
        input_lost = false;
        spoilt = true;
    }
    return NOTHING;
}

uint8_t serial_room(void) { return (uint8_t)(output_tail - output_head - 1); }

static void put(char byte) {
    while (!serial_room()) {
    }
    output[output_head] = byte;
    output_head++;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { sendable_on(); }
}

static void say(char byte) {
    crc = crc_of(crc, byte);
    put(byte);
}

void say_begin(char kind) {
    crc = 0xffffffff;
    say(kind);
}

void say_text(const char *text) {
    say(' ');
    while (*text) say(*text++);
}

void say_program_text(PGM_P text) {
    say(' ');
    for (char byte; (byte = (char)pgm_read_byte(text)); text++) say(byte);
}

void say_number(uint32_t number) {
    char text[11];
    say_text(ultoa(number, text, 10));
}

void say_newline(void) { put('\n'); }

void say_end(void) {
    uint32_t sum = ~crc;
    put('*');
    for (uint8_t i = 0; i < 8; i++, sum <<= 4) put("0123456789ABCDEF"[sum >> 28]);
    put('\n');
}
