#include "commands.h"

#include <stdbool.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "inputs.h"
#include "lines.h"
#include "serial.h"

#define PROTOCOL 1u
#ifndef FIRMWARE_VERSION
#error "the Makefile gives the version"
#endif
#define ARGUMENTS 10u /* a command with eight pins */
#define NEWEST_AHEAD 255u /* a line's number may be so far ahead of the last one; an older one is a repetition */
#define LONGEST_LIMIT 3600000u /* ms */

static bool greeted;
static uint16_t last_number;
static uint32_t events;

static char *words[ARGUMENTS];
static uint8_t given;

static void acknowledge(uint16_t number, uint32_t us) {
    say_begin('A');
    say_number(number);
    say_number(us);
}

static void refuse(uint16_t number, PGM_P reason) {
    say_begin('E');
    say_number(number);
    say_number(clock_us());
    say_program_text(reason);
    say_end();
}

void event_begin(uint32_t us, const char *word) {
    say_begin('!');
    say_number(events++);
    say_number(us);
    say_program_text(word);
}

void refuse_damaged(void) {
    event_begin(clock_us(), PSTR("damaged"));
    say_end();
}

void say_boot(void) {
    say_newline(); /* ends what the reset may have cut, so that this line is one of its own */
    event_begin(clock_us(), PSTR("boot dlstream"));
    say_number(PROTOCOL);
    say_program_text(PSTR(FIRMWARE_VERSION " " BOARD_NAME));
    say_end();
}

/* A decimal number without a sign, up to `most`. */
static bool number_of(const char *text, uint32_t most, uint32_t *number) {
    uint32_t value = 0;
    uint8_t digits = 0;
    for (; *text; text++, digits++) {
        if (*text < '0' || *text > '9' || digits == 9) return false;
        value = value * 10 + (uint32_t)(*text - '0');
    }
    *number = value;
    return digits && value <= most;
}

static void split(char *payload) {
    given = 0;
    for (char *word = strtok(payload, " "); word; word = strtok(NULL, " ")) {
        if (given == ARGUMENTS) {
            given++; /* too many: no command fits */
            return;
        }
        words[given++] = word;
    }
}

static bool numbers_of(uint8_t first, uint8_t many, const uint32_t most[], uint32_t numbers[]) {
    if (given != first + many) return false;
    for (uint8_t i = 0; i < many; i++)
        if (!number_of(words[first + i], most[i], &numbers[i])) return false;
    return true;
}

static void hello(void) {
    if (given != 3 || strlen(words[2]) > 16) {
        refuse(0, PSTR("values"));
        return;
    }
    lines_forget();
    inputs_forget();
    greeted = true;
    last_number = 0;
    acknowledge(0, clock_us());
    say_program_text(PSTR("dlstream"));
    say_number(PROTOCOL);
    say_program_text(PSTR(FIRMWARE_VERSION " " BOARD_NAME));
    say_text(words[2]);
    say_program_text(PSTR(BOARD_PINS " lines"));
    say_number(LINES);
    say_program_text(PSTR("events"));
    say_number(events); /* the next one's number, so that the host notices when the first one is lost */
    say_end();
}

static PGM_P add_output(void) {
    static const uint32_t most[] = {LAST_PIN, 1, LONGEST_LIMIT, LONGEST_LIMIT, 1};
    uint32_t v[5];
    if (!numbers_of(2, 5, most, v) || v[2] == 0) return PSTR("values");
    if (v[0] < FIRST_PIN || input_is_used((uint8_t)v[0])) return PSTR("pin");
    struct line_settings settings = {(uint8_t)v[0], v[1], v[2] * 1000, v[3] * 1000, v[4]};
    return line_add(&settings) ? NULL : PSTR("pin");
}

static PGM_P add_input(void) {
    static const uint32_t most[] = {LAST_PIN, 1, 1000000};
    uint32_t v[3];
    uint8_t line;
    if (!numbers_of(2, 3, most, v)) return PSTR("values");
    if (v[0] < FIRST_PIN || line_find((uint8_t)v[0], &line)) return PSTR("pin");
    return input_add((uint8_t)v[0], v[1], v[2]) ? NULL : PSTR("pin");
}

static PGM_P add_analog(void) {
    static const uint32_t most[] = {LAST_ANALOG, 1023, 1023};
    uint32_t v[3];
    uint8_t line;
    if (!numbers_of(2, 3, most, v) || v[1] > v[2]) return PSTR("values");
    if (v[0] < FIRST_ANALOG || line_find((uint8_t)v[0], &line)) return PSTR("pin");
    return input_add_analog((uint8_t)v[0], (uint16_t)v[1], (uint16_t)v[2]) ? NULL : PSTR("pin");
}

static PGM_P start_train(uint8_t line, uint16_t number, uint32_t *us) {
    static const uint32_t most[] = {LONGEST_PHASE, LONGEST_PHASE, LONGEST_PHASE, 999999999, 999999999, LONGEST_PHASE};
    uint32_t v[6];
    if (!numbers_of(3, 6, most, v)) return PSTR("values");
    struct train train = {v[0], v[1], v[2], v[3], v[4], v[5]};
    const struct line_settings *settings = line_settings(line);
    bool single = train.count == 1 && !train.burst;
    if (train.width < SHORTEST_PHASE || train.width > settings->max_on) return PSTR("width");
    if (single) train.period = train.width; /* there is no gap */
    else if (train.period < SHORTEST_PERIOD || train.period < train.width + SHORTEST_PHASE) return PSTR("period");
    if (!train.count && !settings->endless) return PSTR("count");
    if (train.burst) {
        uint32_t pulses = train.burst - 1;
        if (pulses > LONGEST_PHASE / train.period) return PSTR("burst");
        if (train.interval < pulses * train.period + train.width + SHORTEST_PHASE) return PSTR("interval");
    }
    if (!line_takes(line, &train)) return PSTR("load");
    *us = line_train(line, &train, number);
    return NULL;
}

static PGM_P switch_line(uint16_t number, uint32_t *us) {
    uint8_t line;
    uint32_t pin;
    if (given < 3 || !number_of(words[2], LAST_PIN, &pin) || !line_find((uint8_t)pin, &line)) return PSTR("pin");
    if (!strcmp_P(words[1], PSTR("train"))) {
        if (!line_is_armed(line)) return PSTR("disarmed");
        return start_train(line, number, us);
    }
    if (!strcmp_P(words[1], PSTR("level"))) {
        static const uint32_t most[] = {255};
        uint32_t level;
        if (!line_is_armed(line)) return PSTR("disarmed");
        if (!has_pwm((uint8_t)pin)) return PSTR("no pwm");
        if (!numbers_of(3, 1, most, &level)) return PSTR("values");
        *us = line_level(line, (uint8_t)level);
        return NULL;
    }
    if (given != 3) return PSTR("values");
    if (!strcmp_P(words[1], PSTR("on"))) {
        if (!line_is_armed(line)) return PSTR("disarmed");
        *us = line_on(line);
    } else if (!strcmp_P(words[1], PSTR("off"))) *us = line_off(line);
    else if (!strcmp_P(words[1], PSTR("arm"))) *us = line_arm(line);
    else if (!strcmp_P(words[1], PSTR("disarm"))) *us = line_disarm(line);
    else return PSTR("command");
    return NULL;
}

static PGM_P all_off(void) {
    for (uint8_t i = 0; i < line_count(); i++) line_off(i);
    return NULL;
}

/* The lines whose host is alive. All are known before one is fed. */
static PGM_P feed(void) {
    uint8_t lines[ARGUMENTS];
    for (uint8_t i = 2; i < given; i++) {
        uint32_t pin;
        if (!number_of(words[i], LAST_PIN, &pin) || !line_find((uint8_t)pin, &lines[i])) return PSTR("pin");
    }
    for (uint8_t i = 2; i < given; i++) line_feed(lines[i]);
    return NULL;
}

static void answer_input(uint16_t number) {
    uint32_t pin;
    if (given != 3 || !number_of(words[2], LAST_ANALOG, &pin) || !input_is_used((uint8_t)pin)) {
        refuse(number, PSTR("pin"));
        return;
    }
    acknowledge(number, clock_us());
    say_number(input_level((uint8_t)pin));
    say_end();
}

void carry_out(char *payload) {
    uint32_t number;
    split(payload);
    if (given < 2 || given > ARGUMENTS + 1 || !number_of(words[0], 65535, &number)) {
        refuse_damaged();
        return;
    }
    if (number == 0 && !strcmp_P(words[1], PSTR("hello"))) {
        hello();
        return;
    }
    if (!greeted) {
        refuse((uint16_t)number, PSTR("hello first"));
        return;
    }
    uint16_t ahead = (uint16_t)(number - last_number);
    if (number == 0 || ahead == 0 || ahead > NEWEST_AHEAD) {
        refuse((uint16_t)number, PSTR("number"));
        return;
    }
    last_number = (uint16_t)number;
    uint32_t us = clock_us();
    PGM_P reason;
    if (given > ARGUMENTS) reason = PSTR("values");
    else if (!strcmp_P(words[1], PSTR("alive"))) reason = feed();
    else if (!strcmp_P(words[1], PSTR("time"))) reason = given == 2 ? NULL : PSTR("values");
    else if (!strcmp_P(words[1], PSTR("off")) && given == 2) reason = all_off();
    else if (!strcmp_P(words[1], PSTR("output"))) reason = add_output();
    else if (!strcmp_P(words[1], PSTR("input"))) reason = add_input();
    else if (!strcmp_P(words[1], PSTR("analog"))) reason = add_analog();
    else if (!strcmp_P(words[1], PSTR("read"))) {
        answer_input((uint16_t)number);
        return;
    } else reason = switch_line((uint16_t)number, &us);
    if (reason) {
        refuse((uint16_t)number, reason);
        return;
    }
    acknowledge((uint16_t)number, us);
    say_end();
}
