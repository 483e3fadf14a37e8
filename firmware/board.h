/* The board that the firmware is built for. Another chip is another file in boards/ with the same names. */
#ifndef BOARD_H
#define BOARD_H

#if defined(__AVR_ATmega328P__) || defined(__AVR_ATmega328__)
#include "boards/atmega328p.h"
#else
#error "no file in firmware/boards for this chip"
#endif

#endif
