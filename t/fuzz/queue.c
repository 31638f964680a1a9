// SPDX-License-Identifier: MIT
/* Fuzz: a queue to which the guest writes all the time: what is taken is whole and in bounds. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "channel/mailbox.h"
#include "channel/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 64
#define TAKES 200

struct writer {
	const uint8_t *data;
	size_t size;
	uint8_t *memory;
	size_t memory_size;
	bool stop;
};

/* Repeats the writes in the input: each is an offset and a word. */
static void *scribble(void *data)
{
	struct writer *w = data;

	do {
		for (size_t i = 0; i + 10 <= w->size; i += 10) {
			uint16_t at;
			uint64_t word;

			memcpy(&at, w->data + i, 2);
			memcpy(&word, w->data + i + 2, 8);
			at = (uint16_t)(at % (w->memory_size / 8));
			__atomic_store_n((uint64_t *)(void *)w->memory + at, word,
					 __ATOMIC_RELAXED);
		}
	} while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE));
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_arch arch = { .big_endian = size % 2 };
	struct ucall_queue_host queue = { .arch = &arch, .lines = LINES };
	size_t memory_size = ucall_queue_size(LINES);
	struct ucall copy;
	struct writer w = { data, size, NULL, memory_size, false };
	pthread_t thread;

	if (posix_memalign((void **)&w.memory, 4096, memory_size))
		return 0;
	memset(w.memory, 0, memory_size);
	queue.shared = (struct ucall_queue *)(void *)w.memory;
	ucall_queue_reset(&queue);
	if (pthread_create(&thread, NULL, scribble, &w))
		abort();
	for (int i = 0; i < TAKES; i++) {
		int cmd;

		if (!ucall_queue_has(&queue))
			continue;
		memset(&copy, 0xff, sizeof(copy));
		cmd = ucall_queue_take(&queue, &copy);
		if (cmd > 0 && (copy.cmd != cmd || copy.nargs > UCALL_MAX_ARGS ||
				copy.text_size >= UCALL_TEXT_SIZE || copy.text[copy.text_size]))
			abort();
		for (int k = cmd > 0 ? copy.nargs : UCALL_MAX_ARGS; k < UCALL_MAX_ARGS; k++)
			if (copy.args[k])
				abort();
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	free(w.memory);
	return 0;
}
