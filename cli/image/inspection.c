#include "cli/image/inspection.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

static void print_manifest(json_t *manifest);
static void print_dates(const char *not_before, const char *not_after);
static void print_blob(const char *what, const char *format, json_t *blob);
static void print_payload(const char *digest);
static void print_signatures(json_t *signatures);
static void print_kernel(json_t *kernel);
static const char *string_in(json_t *object, const char *member);
static long long integer_in(json_t *object, const char *member);

void
inspection_print(json_t *document)
{
	json_t *manifest = json_object_get(document, "manifest");

	if (manifest != NULL) {
		print_manifest(manifest);
		print_payload(string_in(document, "payload_digest"));
		print_signatures(json_object_get(document, "signatures"));
	}
	if (json_object_get(document, "kernel") != NULL)
		print_kernel(json_object_get(document, "kernel"));
	puts("nothing here is verified");
}

static void
print_manifest(json_t *manifest)
{
	json_t *rollback = json_object_get(manifest, "rollback");
	json_t *limits = json_object_get(manifest, "limits");
	json_t *memory_mib = json_object_get(limits, "memory_mib");
	json_t *vcpus = json_object_get(limits, "vcpus");
	json_t *kernel = json_object_get(manifest, "kernel");
	json_t *ramdisk = json_object_get(manifest, "ramdisk");

	printf("image       %s %s, class %s\n", string_in(manifest, "name"),
	    string_in(manifest, "version"), string_in(manifest, "class"));
	printf("rollback    %s, index %lld\n", string_in(rollback, "location"),
	    integer_in(rollback, "index"));
	printf("memory      %lld to %lld MiB\n", integer_in(memory_mib, "min"),
	    integer_in(memory_mib, "max"));
	printf("vcpus       %lld to %lld\n", integer_in(vcpus, "min"),
	    integer_in(vcpus, "max"));
	print_dates(string_in(manifest, "not_before"),
	    string_in(manifest, "not_after"));
	printf("cmdline     %s\n", string_in(manifest, "cmdline"));
	print_blob("kernel", string_in(kernel, "format"), kernel);
	print_blob("kernel ELF", NULL, json_object_get(kernel, "elf"));
	if (json_is_object(ramdisk))
		print_blob("ramdisk", NULL, ramdisk);
	else
		puts("ramdisk     none");
}

static void
print_dates(const char *not_before, const char *not_after)
{
	if (not_before[0] != '\0')
		printf("not before  %s\n", not_before);
	if (not_after[0] != '\0')
		printf("not after   %s\n", not_after);
}

static void
print_blob(const char *what, const char *format, json_t *blob)
{
	printf("%-11s %s%s%lld bytes, %s\n", what, format != NULL ? format : "",
	    format != NULL ? ", " : "", integer_in(blob, "size"),
	    string_in(blob, "digest"));
}

/* What a trust policy revokes the image by; none if nothing is signed. */
static void
print_payload(const char *digest)
{
	if (digest[0] != '\0')
		printf("manifest    %s\n", digest);
}

static void
print_signatures(json_t *signatures)
{
	json_t *signature;
	size_t i;

	json_array_foreach(signatures, i, signature)
	{
		const char *keyid = string_in(signature, "claimed_keyid");

		printf("signature   claims %s%s\n",
		    keyid[0] != '\0' ? "key " : "no key",
		    err_quote_str(keyid).text);
	}
	if (json_array_size(signatures) == 0)
		puts("signature   none");
}

static void
print_kernel(json_t *kernel)
{
	printf("kernel file %s, ELF of %lld bytes, guest %s %s\n",
	    string_in(kernel, "format"), integer_in(kernel, "elf_bytes"),
	    string_in(kernel, "guest_os"), string_in(kernel, "guest_version"));
	if (json_is_true(json_object_get(kernel, "pv")))
		puts("Xen PV      yes");
	else
		printf("Xen PV      no: %s\n", string_in(kernel, "why_not_pv"));
}

static const char *
string_in(json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "";
}

static long long
integer_in(json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}
