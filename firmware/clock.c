#include "clock.h"

#include <util/atomic.h>

#include "board.h"

static volatile uint32_t overflows;

ISR(CLOCK_vect) { overflows++; }

void clock_begin(void) { clock_start(); }

struct instant clock_read(void) {
    struct instant now = {overflows, CLOCK_COUNT};
    if (clock_has_overflown() && now.count < 0x8000) now.overflows++; /* it has, and its interrupt still waits */
    return now;
}

uint32_t clock_us_of(struct instant at) { return at.overflows << 15 | at.count >> 1; }

uint32_t clock_us(void) {
    struct instant now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = clock_read(); } /* no more: an edge may be due */
    return clock_us_of(now);
}
