import svelte from 'eslint-plugin-svelte'
import { defineConfig } from 'eslint/config'
import globals from 'globals'
import ts from 'typescript-eslint'

export default defineConfig(
  { ignores: ['node_modules', '../src'] },
  ...ts.configs.strictTypeChecked,
  ...ts.configs.stylisticTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // `void` marks what an effect depends on and what is not waited for.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // Numbers have one obvious text, and the texts are for developers.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      // Addresses are fragments, which the router of this page reads; there is no base path to resolve.
      'svelte/no-navigation-without-resolve': 'off',
      // Maps and dates are built anew and assigned as a whole ($state.raw), never changed in place.
      'svelte/prefer-svelte-reactivity': 'off',
      // Props are read with const and change all the same.
      'prefer-const': 'off',
      // An event handler's result is nobody's.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
)
