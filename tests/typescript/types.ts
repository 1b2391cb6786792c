// Character Identity Types (Epic R1)

export interface CharacterIdentityConfig {
  apiKey: string;
  provider: 'fal-instant' | 'fal-lora' | 'astria';
  modelId?: string; // For LoRA models
  customParams?: Record<string, any>;
}

export interface CharacterIdentityResult {
  characterId: string;
  provider: 'fal-instant' | 'fal-lora' | 'astria';
  modelUrl?: string; // For LoRA models (downloadable .safetensors)
  modelStorageUrl?: string; // Supabase Storage URL for LoRA weights
  referenceUrls: string[]; // Reference images used for training/conditioning
  status: 'training' | 'ready' | 'failed';
  metadata: {
    trainingTime?: number; // milliseconds
    modelSize?: number; // bytes
    cost?: number; // dollars
    clipSimilarity?: number; // CLIP score if measured
    createdAt: string; // ISO timestamp
  };
}

export interface CharacterGenerationParams {
  characterId: string;
  prompt: string;
  negativePrompt?: string;
  width?: number;
  height?: number;
  aspectRatio?: '1:1' | '16:9' | '9:16' | '4:3' | '3:4';
  guidanceScale?: number;
  numInferenceSteps?: number;
  seed?: number;
}

export interface CharacterGenerationResult {
  imageUrl: string;
  aspectRatio: string;
  clipSimilarity?: number; // If measured against reference
  metadata: {
    promptUsed: string;
    provider: string;
    inferenceTime: number; // milliseconds
    cost: number; // dollars
    generatedAt: string; // ISO timestamp
  };
}

// Extend existing AnalyzedCharacter type
export interface AnalyzedCharacter {
  id: string;
  name: string;
  description: string;
  imageUrl?: string | null;
  generations?: Generation[];
  refinedGenerationUrls?: string[];
  upscaledImageUrl?: string | null;

  // NEW: Character identity data (backward compatible - optional)
  characterIdentity?: CharacterIdentityResult;
}
