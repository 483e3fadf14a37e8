#include "clock.h"

#include <util/atomic.h>

#include "board.h"

static volatile uint32_t overflows;

ISR(CLOCK_vect) { overflows++; }

void clock_begin(void) { clock_start(); }

struct instant clock_now_in_interrupt(void) {
    uint16_t count = CLOCK_COUNT;
    uint32_t over = overflows;
    if (clock_has_overflown() && count < 0x8000) over++; /* it has, and its interrupt still waits */
    struct instant now = {over << 15 | count >> 1, over << 16 | count};
    return now;
}

uint32_t clock_ticks_in_interrupt(void) {
    uint16_t count = CLOCK_COUNT;
    uint16_t over = (uint16_t)overflows;
    if (clock_has_overflown() && count < 0x8000) over++;
    return (uint32_t)over << 16 | count;
}

struct instant clock_now(void) {
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = clock_now_in_interrupt(); }
    return now;
}

uint32_t clock_us(void) { return clock_now().us; }

uint32_t clock_us_of(uint32_t ticks) {
    struct instant now = clock_now();
    int32_t ahead = (int32_t)(ticks - now.ticks);
    return now.us + (uint32_t)(ahead / (int32_t)TICKS_PER_US);
}
