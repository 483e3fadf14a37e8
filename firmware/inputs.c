#include "inputs.h"

#include <util/atomic.h>

#include "board.h"
#include "clock.h"

#define PERIOD (100u * TICKS_PER_US)
#define KEPT 16u

struct input {
    uint8_t pin, port, mask;
    bool analog;
    volatile bool level; /* as sampled */
    bool told;           /* as the host knows it */
    uint16_t low, high;
    uint32_t debounce, told_at; /* us */
};

static struct input inputs[INPUTS];
static volatile uint8_t count;
static volatile struct change kept[KEPT];
static volatile uint8_t head, tail;
static volatile uint32_t lost;
static volatile uint8_t used[PORTS], last[PORTS], analogs;
static uint8_t chosen; /* the analog input that is being converted */

static void keep(struct input *input, bool level) {
    input->level = level;
    uint8_t next = (uint8_t)((head + 1) % KEPT);
    if (next == tail) {
        lost++;
        return;
    }
    kept[head].us = clock_us();
    kept[head].pin = (uint8_t)(input - inputs);
    kept[head].level = level;
    head = next;
}

static void convert(void) {
    struct input *input = &inputs[chosen];
    if (input->analog && chosen < count) {
        if (!analog_is_ready()) return;
        uint16_t value = analog_read();
        if (!input->level && value > input->high) keep(input, true);
        else if (input->level && value < input->low) keep(input, false);
    }
    for (uint8_t i = 0; i < count; i++) {
        chosen = (uint8_t)(chosen + 1 < count ? chosen + 1 : 0);
        if (inputs[chosen].analog) {
            analog_choose(inputs[chosen].pin);
            return;
        }
    }
}

/* Edges and bytes go first, so it lets other interrupts in between. It can't interrupt itself: the moment of the next
   sample is set at the end. */
ISR(SAMPLE_vect, ISR_NOBLOCK) {
    uint8_t levels[PORTS];
    read_ports(levels);
    for (uint8_t port = 0; port < PORTS; port++) {
        if (!((levels[port] ^ last[port]) & used[port])) continue;
        last[port] = levels[port];
        for (uint8_t i = 0; i < count; i++) {
            struct input *input = &inputs[i];
            bool level = levels[port] & input->mask;
            if (!input->analog && input->port == port && level != input->level) keep(input, level);
        }
    }
    if (analogs) convert();
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        uint16_t next = (uint16_t)(SAMPLE_COUNT + PERIOD);
        if ((int16_t)(next - CLOCK_COUNT) < 16) next = (uint16_t)(CLOCK_COUNT + 32u); /* what is past */
        SAMPLE_COUNT = next; /* would only match a turn later */
    }
}

void inputs_begin(void) {
    analog_start();
    SAMPLE_COUNT = (uint16_t)(CLOCK_COUNT + PERIOD);
    sample_interrupt_on();
}

void inputs_forget(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        count = chosen = analogs = 0;
        for (uint8_t port = 0; port < PORTS; port++) used[port] = 0;
        head = tail = 0;
        lost = 0;
    }
}

bool input_is_used(uint8_t pin) {
    for (uint8_t i = 0; i < count; i++)
        if (inputs[i].pin == pin) return true;
    return false;
}

static bool add(const struct input *input) {
    if (count == INPUTS || input_is_used(input->pin)) return false;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        inputs[count] = *input;
        count++;
        if (input->analog) analogs++;
        else {
            last[input->port] = (uint8_t)((last[input->port] & ~input->mask) | (input->level ? input->mask : 0));
            used[input->port] |= input->mask;
        }
    }
    return true;
}

bool input_add(uint8_t pin, bool pull_up, uint32_t debounce) {
    uint8_t port = port_of(pin), mask = mask_of(pin);
    if (pull_up) {
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { *out_register(port) |= mask; }
        for (uint32_t start = clock_us(); clock_us() - start < 20;) { /* until the pull-up has charged the wire */
        }
    }
    uint8_t levels[PORTS];
    read_ports(levels);
    bool level = levels[port] & mask;
    struct input input = {.pin = pin, .port = port, .mask = mask, .level = level, .told = level, .debounce = debounce};
    input.told_at = clock_us() - debounce;
    return add(&input);
}

bool input_add_analog(uint8_t pin, uint16_t low, uint16_t high) {
    struct input input = {.pin = pin, .analog = true, .low = low, .high = high};
    return add(&input);
}

bool input_level(uint8_t pin) {
    for (uint8_t i = 0; i < count; i++)
        if (inputs[i].pin == pin) return inputs[i].told;
    return false;
}

/* The first change is told at once, with its own time; then nothing for `debounce`, after which what is still different
   is told with the time at which it was seen. */
bool input_changed(struct change *change) {
    while (tail != head) {
        struct input *input = &inputs[kept[tail].pin];
        uint32_t us = kept[tail].us;
        bool level = kept[tail].level;
        tail = (uint8_t)((tail + 1) % KEPT);
        if (level == input->told || us - input->told_at < input->debounce) continue;
        *change = (struct change){us, input->pin, level};
        input->told = level;
        input->told_at = us;
        return true;
    }
    uint32_t now = clock_us();
    for (uint8_t i = 0; i < count; i++) {
        struct input *input = &inputs[i];
        if (input->level == input->told || now - input->told_at < input->debounce) continue;
        if (tail != head) return false; /* it has only just changed, and its own time is kept */
        *change = (struct change){now, input->pin, input->level};
        input->told = input->level;
        input->told_at = now;
        return true;
    }
    return false;
}

uint32_t inputs_lost(void) {
    uint32_t number = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        number = lost;
        lost = 0;
    }
    return number;
}
