import { readdirSync } from "node:fs";

import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const upwards = { group: ["../*"], message: "Import by @/..., so that the layer stands in the line." };
const layer = (files, forbidden, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [upwards, { group: forbidden, message }] }] },
});

const features = readdirSync("src/features");

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/shared/api/types.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/only-throw-error": ["error", { allow: [{ from: "package", package: "@tanstack/router-core", name: "Redirect" }] }],
      "max-lines": ["error", { max: 200, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["**/*.tsx"], ...a11y.flatConfigs.recommended },
  { files: ["**/*.{ts,tsx}"], ...hooks.configs.flat.recommended },
  { files: ["tools/**"], languageOptions: { globals: { URL: "readonly", console: "readonly", process: "readonly" } } },
  layer(["src/shared/**"], ["@/features/*", "@/app/*"], "shared knows neither features nor the app."),
  ...features.map((feature) =>
    layer(
      [`src/features/${feature}/**`],
      ["@/app/*", ...features.filter((other) => other !== feature).map((other) => `@/features/${other}/**`)],
      "A feature knows neither the app nor another feature: what two of them need belongs to shared.",
    ),
  ),
);
