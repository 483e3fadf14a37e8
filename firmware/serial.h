/* Lines over the serial port, each with a CRC-32: `payload*1234ABCD` and a newline. */
#ifndef SERIAL_H
#define SERIAL_H

#include <avr/pgmspace.h>
#include <stdbool.h>
#include <stdint.h>

#define LONGEST_LINE 72u /* the host's lines, without the newline */

enum received { NOTHING, LINE, DAMAGED };

void serial_begin(void);

/* Takes a byte from the port, if there is one, with interrupts off: the chip keeps two of them, which is 170 us. */
void serial_take(void);

/* Takes what has arrived, up to the end of a line: *payload is its text without the CRC. Damaged lines have no text. */
enum received serial_receive(char **payload);

/* Bytes that can be sent without waiting. */
uint8_t serial_room(void);

/* A line is begun, filled word by word (each with a space before it), and ended with its CRC. */
void say_begin(char kind);
void say_text(const char *text);
void say_program_text(PGM_P text);
void say_number(uint32_t number);
void say_end(void);
void say_newline(void); /* an empty line */

#endif
