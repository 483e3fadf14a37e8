/* The firmware of dlstream's `type: arduino`: outputs that go off when anything fails, trains made by the board's own
   timer, and stamped inputs. Read lines.h first; docs/reference/firmware.md has the protocol. */
#include <avr/wdt.h>

#include "board.h"
#include "clock.h"
#include "commands.h"
#include "inputs.h"
#include "lines.h"
#include "serial.h"

/* Before anything else, also before variables are set up: pins off. And the hardware's watchdog, which stays on after
   it has reset the board, is stopped until the start is over. */
void off_first(void) __attribute__((naked, used, section(".init3")));
void off_first(void) {
    release_all_pins();
    MCUSR = 0;
    wdt_disable();
}

static void look_after_lines(void) {
    for (uint8_t i = 0; i < line_count(); i++) {
        enum loss loss = line_check(i);
        uint16_t number;
        uint32_t us;
        if (loss != LOST_NOTHING) {
            event_begin(clock_us(), loss == LOST_HOST ? PSTR("watchdog") : PSTR("max_on"));
            say_number(line_settings(i)->pin);
            say_end();
        }
        if (serial_room() < ROOM_TO_ANSWER) continue; /* an end can wait, and an "off" above can't */
        if (line_train_ended(i, &number, &us)) {
            event_begin(us, PSTR("end"));
            say_number(line_settings(i)->pin);
            say_number(number);
            say_end();
        }
    }
}

static void tell_inputs(void) {
    struct change change;
    if (serial_room() < 2 * ROOM_TO_ANSWER) return; /* answers come first */
    if (input_changed(&change)) {
        event_begin(change.us, PSTR("in"));
        say_number(change.pin);
        say_number(change.level);
        say_end();
        return;
    }
    uint32_t lost = inputs_lost();
    if (lost) {
        event_begin(clock_us(), PSTR("lost"));
        say_number(lost);
        say_end();
    }
}

int main(void) {
    clock_begin();
    serial_begin();
    lines_begin();
    inputs_begin();
    sei();
    wdt_enable(WDTO_120MS);
    say_boot();
    for (;;) {
        wdt_reset();
        look_after_lines();
        tell_inputs();
        if (serial_room() < ROOM_TO_ANSWER) continue;
        char *payload;
        switch (serial_receive(&payload)) {
        case LINE: carry_out(payload); break;
        case DAMAGED: refuse_damaged(); break;
        case NOTHING: break;
        }
    }
}
