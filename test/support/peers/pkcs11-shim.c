/*
 * A PKCS #11 library in front of another one: it counts calls and fails them as told.
 * SHIM_MODULE: the library behind; SHIM_DIR: a folder with `log` (one name a call) and, where there is one, `fault`: lines
 * "C_Sign 48" (returns that CK_RV), "C_Sign hang", "C_Sign crash", "flags 262144" (more flags in CK_TOKEN_INFO), "without 64" (hides that mechanism).
 * What hangs leaves its pid in `hanging`. `inherited` in the log: the library found a variable TOKEN_PIN.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CK_PTR *
#define CK_DEFINE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST list;

static void place(char *path, size_t size, const char *name) {
  snprintf(path, size, "%s/%s", getenv("SHIM_DIR"), name);
}

/* What the file `fault` says of `name`; an empty text where it says nothing. */
static void told(const char *name, char *word, size_t size) {
  char path[4096], line[256];
  word[0] = 0;
  place(path, sizeof path, "fault");
  FILE *file = fopen(path, "r");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    char *space = strchr(line, ' ');
    if (!space || strncmp(line, name, (size_t)(space - line)) || name[space - line]) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(word, size, "%s", space + 1);
  }
  fclose(file);
}

static CK_RV called(const char *name) {
  char path[4096], word[64];
  place(path, sizeof path, "log");
  FILE *file = fopen(path, "a");
  if (file) {
    fprintf(file, "%s\n", name);
    fclose(file);
  }
  told(name, word, sizeof word);
  if (!strcmp(word, "hang")) {
    place(path, sizeof path, "hanging");
    file = fopen(path, "w");
    if (file) {
      fprintf(file, "%d\n", (int)getpid());
      fclose(file);
    }
    for (;;) pause();
  }
  if (!strcmp(word, "crash")) raise(SIGSEGV);
  return strtoul(word, NULL, 10);
}

static CK_RV initialize(CK_VOID_PTR args) {
  CK_RV rv = called("C_Initialize");
  if (getenv("TOKEN_PIN")) called("inherited");
  return rv ? rv : real->C_Initialize(args);
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  char word[64];
  CK_RV rv = called("C_GetTokenInfo");
  if (!rv) rv = real->C_GetTokenInfo(slot, info);
  told("flags", word, sizeof word);
  if (!rv) info->flags |= strtoul(word, NULL, 10);
  return rv;
}

static CK_RV mechanisms(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR types, CK_ULONG_PTR count) {
  char word[64];
  CK_RV rv = real->C_GetMechanismList(slot, types, count);
  told("without", word, sizeof word);
  for (CK_ULONG i = 0; !rv && types && i < *count; i++)
    if (word[0] && types[i] == strtoul(word, NULL, 10)) types[i] = CKM_VENDOR_DEFINED;
  return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  CK_RV rv = called("C_Login");
  return rv ? rv : real->C_Login(session, user, pin, length);
}

static CK_RV logout(CK_SESSION_HANDLE session) {
  CK_RV rv = called("C_Logout");
  return rv ? rv : real->C_Logout(session);
}

static CK_RV finalize(CK_VOID_PTR args) {
  CK_RV rv = called("C_Finalize");
  return rv ? rv : real->C_Finalize(args);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR size) {
  CK_RV rv = called("C_Sign");
  return rv ? rv : real->C_Sign(session, data, length, out, size);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out) {
  if (!real) {
    void *module = dlopen(getenv("SHIM_MODULE"), RTLD_NOW);
    CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&real)) return CKR_GENERAL_ERROR;
    list = *real;
    list.C_Initialize = initialize;
    list.C_GetTokenInfo = token_info;
    list.C_GetMechanismList = mechanisms;
    list.C_Login = login;
    list.C_Logout = logout;
    list.C_Finalize = finalize;
    list.C_Sign = sign;
  }
  *out = &list;
  return CKR_OK;
}
